"""Background calls on other machines: tool calls in the background that gateways put into a stream in Redis
and `voicegw worker` takes from there (tool_worker.py). The progress and the result of a call go into a
stream of its own.

No command blocks in Redis: background calls take long, so it is sufficient to read their progress twice a
second.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, raise_if_cancelled
from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.core.options import option
from voicegw.errors import ToolFailed

log = structlog.get_logger(__name__)

_LOOK_S = 0.3
_LONGEST_WAIT_S = 2.0  # between reads while Redis fails

# KEYS calls, the owner's calls; ARGV call, its name, most calls, most of one owner, ms until it is given up.
# Returns whether it was queued. A call without a result keeps its place until it is given up.
_SUBMIT = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 'full' end
if redis.call('TYPE', KEYS[2]).ok ~= 'zset' then redis.call('DEL', KEYS[2]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 'too many' end
redis.call('XADD', KEYS[1], '*', 'call', ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[5], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 'queued'
"""


@dataclass(frozen=True, slots=True)
class RemoteBackgroundCallOptions:
    """Tool calls in the background, where gateways share a Redis."""

    by_workers: bool = option(False, "have `voicegw worker --tool-worker.take` do the calls, through Redis")
    max_waiting: int = option(1_000, "calls that may wait in Redis", ge=1, le=1_000_000)
    max_per_user: int = option(
        3, "calls of one user that may wait or run, or of one session without a user", ge=1, le=1_000_000
    )
    give_up_ms: int = option(3_600_000, "time after which a call's result is no longer waited for", ge=100)


class QueuedCall(AskedCall, frozen=True, tag="AskedCall"):
    """A call in the stream. give_up_ms: after which its gateway no longer waits for a result; those of an
    earlier version do not say it. Its tag is that of the call, so that earlier workers read it, too."""

    give_up_ms: int = 3_600_000

    @classmethod
    def queued(cls, call: ToolCalled, give_up_ms: int) -> "QueuedCall":
        """The call, to be put into the stream."""
        asked = AskedCall.of(call)
        return cls(asked.id, asked.name, asked.arguments, asked.user, asked.session, give_up_ms)

    @property
    def asked(self) -> AskedCall:
        """The call itself."""
        return AskedCall(self.id, self.name, self.arguments, self.user, self.session)


class RemoteBackgroundCalls:
    """BackgroundCalls over a Redis. Raises ToolFailed for calls that Redis does not take."""

    def __init__(self, redis: RedisOptions, options: RemoteBackgroundCallOptions) -> None:
        self._keys = Keys(redis.prefix)
        self._redis: Redis = connect(redis, key=self._keys.background_calls)
        self._options = options

    async def submit(self, call: ToolCalled) -> str:
        """Queues a call and returns its name. Raises ToolFailed when the queue is full, Redis does not
        answer, or the owner of the call has too many, over all gateways."""
        name, options = secrets.token_urlsafe(12), self._options
        keys = (self._keys.background_calls, self._keys.background_calls_of(AskedCall.of(call).owner))
        limits = (options.max_waiting, options.max_per_user, options.give_up_ms)
        try:
            background_call = msgspec.json.encode((name, QueuedCall.queued(call, options.give_up_ms)))
            answer = await self._redis.eval(_SUBMIT, 2, *keys, background_call, name, *limits)
        except REDIS_ERRORS as error:
            log.warning("no answer about a background call", reason=type(error).__name__)
            raise ToolFailed("it is not known whether the call was accepted; it may be made later") from None
        if answer == b"full":
            raise ToolFailed("too many background calls are waiting")
        if answer == b"too many":
            raise ToolFailed("earlier background calls have to finish first")
        return name

    async def follow(self, background_call: str) -> AsyncGenerator[CallProgress, None]:
        """Its progress reports as they come, ending with the result; Redis may be away meanwhile. Of several
        that are read at once, as after a takeover, only the last one and the result count."""
        reply: Any
        stream, seen = self._keys.call_progress(background_call), "-"
        give_up_at = time.monotonic() + self._options.give_up_ms / 1000
        pause_s = _LOOK_S
        while time.monotonic() < give_up_at:
            try:
                reply = await self._redis.xrange(stream, min=seen)
                pause_s = _LOOK_S
            except REDIS_ERRORS:
                reply, pause_s = [], min(2 * pause_s, _LONGEST_WAIT_S)
            raise_if_cancelled()
            latest = result = None
            for entry, fields in reply:
                seen = f"({entry.decode()}"
                try:
                    report = msgspec.json.decode(fields.get(b"progress", b""), type=CallProgress)
                except (msgspec.MsgspecError, RecursionError) as error:
                    log.error(
                        "progress of a background call cannot be read",
                        background_call=background_call,
                        reason=type(error).__name__,
                    )
                    continue
                if report.done:
                    result = report
                    break
                latest = report
            if latest is not None:
                yield latest
            if result is not None:
                yield result
                return
            await asyncio.sleep(pause_s)
        yield CallProgress('{"error":"no result in time"}', done=True, ok=False)

    async def close(self) -> None:
        """Closes the connection; queued calls are made all the same."""
        await close(self._redis)
