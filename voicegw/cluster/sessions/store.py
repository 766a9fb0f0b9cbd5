"""Sessions in Redis: each step of a session is one atomic write, refused when another gateway holds it.

A session has three keys with one hash tag, which scripts.py describes; its scripts check and write them
together. The steps of all sessions of a server that are due at the same time travel in one pipeline, so that
many sessions cost few round trips, and a server of a Cluster that does not answer holds up its sessions only.
"""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import MovedError, NoScriptError, OutOfMemoryError, ReadOnlyError

from voicegw.cluster.redis.connect import OneServer
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, raise_if_cancelled
from voicegw.cluster.redis.packed_audio import pack, unpack
from voicegw.cluster.redis.slots import SlotClients
from voicegw.cluster.sessions.scripts import CLAIM, DROP, SAVE, Script
from voicegw.cluster.sessions.snapshot_changes import change_of, changed
from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE
from voicegw.core.session_store import CommitsMissing, Fenced, StoreCommit, StoredSession, StoreError
from voicegw.errors import UndecodableMessage

log = structlog.get_logger(__name__)

_MAX_BATCH = 256
_MAX_SAMPLES = 1800 * SAMPLE_RATE  # of a session: more than can wait for its words


@dataclass(frozen=True, slots=True)
class _Call:
    """A script to run, and the future of its result."""

    script: Script
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
        end = step.audio_start + len(step.audio) // SAMPLE_BYTES
        answer = await self._call(
            SAVE,
            step.session,
            *(step.epoch, self._live_ms, int(step.whole), step.first_event),
            *(step.audio_start, end, step.audio_from, pack(step.audio)),
            zlib.crc32(step.base or step.snapshot),
            *(("change", change_of(step.snapshot, step.base)) if step.base else ("snapshot", step.snapshot)),
            *events,
        )
        if answer == b"fenced":
            raise Fenced
        if answer == b"missing":
            raise CommitsMissing

    async def claim(self, session: str, since: int = 0) -> StoredSession | None:
        """Takes over a session whose epoch is above `since`; None when there is none, or none that can be
        read, which is then deleted. Raises StoreError."""
        answer = await self._call(CLAIM, session, self._live_ms, since)
        if answer is None:
            return None
        try:
            return _saved(*answer)
        except (ValueError, TypeError, UndecodableMessage) as error:
            log.error("a saved session cannot be read", session=session, reason=type(error).__name__)
            await self.drop(session, answer[0])
            return None

    async def drop(self, session: str, epoch: int) -> None:
        """The session is over. Raises StoreError."""
        await self._call(DROP, session, epoch, self._live_ms)

    async def close(self) -> None:
        """Stops writing; the owner of the clients closes them."""
        for batcher in self._batchers.values():
            await batcher.close()

    async def _call(self, script: Script, session: str, *arguments: Any) -> Any:
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

    async def call(self, script: Script, keys: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
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
        """Sends the text of a script only when the server does not know it, as after a restart."""
        pipeline = self._client.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(call.script.sha, len(call.keys), *call.keys, *call.arguments)
        answers = list(await pipeline.execute(raise_on_error=False))
        unknown = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:
            for call in map(calls.__getitem__, unknown):
                pipeline.eval(call.script.text, len(call.keys), *call.keys, *call.arguments)
            again = await pipeline.execute(raise_on_error=False)
            for number, answer in zip(unknown, again, strict=True):
                answers[number] = answer
        if any(isinstance(answer, ReadOnlyError | MovedError) for answer in answers):
            # As values, these errors close no connection, and the next one may lead to the right server.
            await self._client.connection_pool.disconnect(inuse_connections=False)
        return answers


def _saved(
    epoch: int, base: bytes, change: bytes, events: Sequence[bytes], pieces: Sequence[Any], age_ms: int
) -> StoredSession:
    snapshot = changed(base, change) if change else base
    frames = {int(seq): frame for seq, frame in zip(events[::2], events[1::2], strict=True)}
    audio, start = _audio(pieces)
    return StoredSession(epoch, snapshot, frames, audio, start, age_ms / 1000)


def _audio(pieces: Sequence[Any]) -> tuple[bytes, int]:
    """The samples, and the number of the first. Raises ValueError, TypeError or UndecodableMessage."""
    audio, ends = bytearray(), []
    for name, (_, packed) in pieces:
        audio += unpack(packed)
        ends.append((int(name.removesuffix(b"-1")), len(audio)))
        if len(audio) > SAMPLE_BYTES * _MAX_SAMPLES:
            raise ValueError("too much audio")
    [start] = {end - size / SAMPLE_BYTES for end, size in ends}
    if start < 0:
        raise ValueError("audio before the session")
    return bytes(audio), int(start)


def _reason(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "Redis is out of memory"
    if isinstance(error, REDIS_ERRORS):
        return f"Redis does not answer: {type(error).__name__}"
    return f"a fault of the gateway: {type(error).__name__}"
