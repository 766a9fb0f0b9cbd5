"""Sessions in Redis: each step of a session is one atomic write, refused when another gateway holds it.

A session has three keys with one hash tag: `state` (a hash of its epoch, its snapshot and what the other two
hold), `events` (a hash of encoded events by number) and `audio` (s16le). Lua scripts check and write them
together. The steps of all sessions of a server that are due at the same time travel in one pipeline, so that
many sessions cost few round trips, and a server of a Cluster that does not answer holds up its sessions only.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from voicegw.cluster.redis.connect import OneServer
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, raise_if_cancelled
from voicegw.cluster.redis.slots import SlotClients
from voicegw.core.session_store import CommitsMissing, Fenced, StoreCommit, StoredSession, StoreError

log = structlog.get_logger(__name__)

_MAX_BATCH = 256

# What stands before each script. KEYS: state, events, audio. A record that no gateway can have written is
# deleted: it would otherwise fail each script that touches it. `held`: the epoch of what is left, or -1.
_CHECK = """
local kinds, spoilt = {'hash', 'hash', 'string'}, false
for index, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  spoilt = spoilt or (kind ~= 'none' and kind ~= kinds[index])
end
local numbers = spoilt and {} or redis.call('HMGET', KEYS[1], 'epoch', 'first', 'audio_start')
for _, number in ipairs(numbers) do
  spoilt = spoilt or (number and not (#number < 16 and string.match(number, '^%d+$')))
end
if spoilt then
  redis.call('DEL', unpack(KEYS))
  numbers = {}
end
local held = tonumber(numbers[1] or -1)
"""

# KEYS: state, events, audio. ARGV: epoch, ms to live, whole, snapshot, first event, the audio's first sample,
# the first sample needed, audio, then numbers and events. The first write is one that Redis refuses when it
# is out of memory: later ones in a script it does not.
_SAVE = f"""{_CHECK}
local state, events, audio = KEYS[1], KEYS[2], KEYS[3]
local epoch, live, whole = tonumber(ARGV[1]), ARGV[2], ARGV[3] == '1'
if held > epoch then return 'fenced' end
local start, first = tonumber(ARGV[6]), tonumber(ARGV[5])
local saved = tonumber(numbers[3] or -1)
local follows = held == epoch and saved + redis.call('STRLEN', audio) / 2 == start
if not whole and not follows then return 'missing' end
redis.call('HSET', state, 'epoch', epoch, 'snapshot', ARGV[4])
if whole then
  redis.call('DEL', events, audio)
else
  for seq = tonumber(numbers[2] or first), first - 1 do redis.call('HDEL', events, seq) end
  start = saved
end
if #ARGV[8] > 0 then redis.call('APPEND', audio, ARGV[8]) end
local needless = tonumber(ARGV[7]) - start
if needless >= 32000 then
  redis.call('SET', audio, redis.call('GETRANGE', audio, 2 * needless, -1))
  start = start + needless
end
redis.call('HSET', state, 'first', first, 'audio_start', start)
for i = 9, #ARGV, 2 do redis.call('HSET', events, ARGV[i], ARGV[i + 1]) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, live) end
return 'saved'
"""

# KEYS as above. ARGV: ms to live, the epoch that it has to be above. What is left of its life tells how long
# ago it was saved, by a clock that all gateways share; so a claim does not prolong it.
_CLAIM = f"""{_CHECK}
local snapshot = redis.call('HGET', KEYS[1], 'snapshot')
if not snapshot or held <= tonumber(ARGV[2]) then return false end
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
return {{epoch, snapshot, redis.call('HGETALL', KEYS[2]), redis.call('GET', KEYS[3]) or '', numbers[3],
  math.max(0, ARGV[1] - redis.call('PTTL', KEYS[1]))}}
"""

# A mark stays behind, so that a gateway that was stopped and goes on cannot bring the session back.
_DROP = f"""{_CHECK}
if held > tonumber(ARGV[1]) then return end
redis.call('DEL', unpack(KEYS))
redis.call('HSET', KEYS[1], 'epoch', tonumber(ARGV[1]) + 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""


@dataclass(frozen=True, slots=True)
class _Call:
    """A script to run, and the future of its result."""

    script: str
    keys: tuple[str, ...]
    arguments: tuple[Any, ...]
    answer: asyncio.Future[Any]


class RedisStore:
    """`live_ms`: how long a session is kept after its last step."""

    durable: ClassVar[bool] = True

    def __init__(self, clients: SlotClients | OneServer, keys: Keys, live_ms: int) -> None:
        self._clients = clients
        self._keys = keys
        self._live_ms = live_ms
        self._batchers: dict[Redis, _Batcher] = {}

    async def save(self, step: StoreCommit) -> None:
        """One step. Raises Fenced, CommitsMissing or StoreError."""
        events = [part for seq, frame in step.events.items() for part in (seq, frame)]
        answer = await self._call(
            _SAVE,
            step.session,
            *(step.epoch, self._live_ms, int(step.whole), step.snapshot, step.first_event),
            *(step.audio_start, step.audio_from, step.audio, *events),
        )
        if answer == b"fenced":
            raise Fenced
        if answer == b"missing":
            raise CommitsMissing

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        """Takes over a session whose epoch is above `since`; None when there is none, or none that can be
        read, which is then deleted. Raises StoreError."""
        answer = await self._call(_CLAIM, session, self._live_ms, since)
        if answer is None:
            return None
        try:
            return _saved(*answer)
        except (ValueError, TypeError) as error:
            log.error("a saved session cannot be read", session=session, reason=type(error).__name__)
            await self.drop(session, answer[0])
            return None

    async def drop(self, session: str, epoch: int) -> None:
        """The session is over. Raises StoreError."""
        await self._call(_DROP, session, epoch, self._live_ms)

    async def close(self) -> None:
        """Stops writing; the owner of the clients closes them."""
        for batcher in self._batchers.values():
            await batcher.close()

    async def _call(self, script: str, session: str, *arguments: Any) -> Any:
        keys = tuple(self._keys.session(session, part) for part in ("state", "events", "audio"))
        try:
            client = await self._clients.of(keys[0])
        except REDIS_ERRORS as error:
            raise_if_cancelled()
            raise StoreError(_reason(error)) from error
        if client not in self._batchers:
            self._batchers[client] = _Batcher(client)
        try:
            return await self._batchers[client].call(script, keys, arguments)
        except StoreError:
            self._clients.forget()
            raise


class _Batcher:
    """Many calls to one server in one round trip."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._calls: asyncio.Queue[_Call] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work(), name="store")

    async def call(self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        """What a script answers. Raises StoreError."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.put_nowait(_Call(script, keys, arguments, answer))  # a session waits for one at a time
        return await answer

    async def close(self) -> None:
        """Stops writing."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            calls = [await self._calls.get()]
            while not self._calls.empty() and len(calls) < _MAX_BATCH:
                calls.append(self._calls.get_nowait())
            await self._run([call for call in calls if not call.answer.done()])
            raise_if_cancelled()

    async def _run(self, calls: list[_Call]) -> None:
        """Runs the calls in one pipeline and sets their results."""
        try:
            answers = await self._execute(calls)
        except REDIS_ERRORS as error:
            answers = [error] * len(calls)
        except Exception as error:  # a fault of ours costs these calls, not all that come after them
            log.exception("sessions not written", calls=len(calls))
            answers = [error] * len(calls)
        for call, answer in zip(calls, answers, strict=True):
            if call.answer.done():
                continue
            if isinstance(answer, Exception):
                call.answer.set_exception(StoreError(_reason(answer)))
            else:
                call.answer.set_result(answer)

    async def _execute(self, calls: list[_Call]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.eval(call.script, 3, *call.keys, *call.arguments)
        return list(await pipeline.execute(raise_on_error=False))


def _saved(
    epoch: int, snapshot: bytes, events: Sequence[bytes], audio: bytes, start: bytes, age_ms: int
) -> StoredSession:
    frames = {int(seq): frame for seq, frame in zip(events[::2], events[1::2], strict=True)}
    return StoredSession(epoch, snapshot, frames, audio, int(start), age_ms / 1000)


def _reason(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "Redis is out of memory"
    if isinstance(error, REDIS_ERRORS):
        return f"Redis does not answer: {type(error).__name__}"
    return f"a fault of the gateway: {type(error).__name__}"
