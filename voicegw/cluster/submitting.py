"""The gateway's side of the streams: jobs in, jobs back out, answers. Every method raises what Redis does."""

import asyncio
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis

from voicegw.cluster.connect import RedisOptions, close, connect
from voicegw.cluster.keys import Keys
from voicegw.cluster.line import Line, new_line
from voicegw.cluster.messages import Answer, Submission, decode_answer, encode
from voicegw.cluster.register import Register, Registrar
from voicegw.cluster.replies import delivered, text
from voicegw.cluster.scripts import GROUP, MISSING, WITHDRAW
from voicegw.core.jobs import DecodeKind
from voicegw.errors import MalformedMessage

log = structlog.get_logger(__name__)

_BLOCK_MS = 1000
_MOST_ANSWERS = 256
_MOST_WRITES = 16  # each has a connection to itself
BEGINNING = "0"


class GatewayStreams:
    """`name` is this gateway's, and that of this life of it."""

    def __init__(self, options: RedisOptions, name: str) -> None:
        self._keys = Keys(options.prefix)
        self._results = self._keys.results(name)
        self._redis: Redis = connect(options)
        self._reader = new_line(options, blocks_ms=_BLOCK_MS)
        self._writers = [new_line(options) for _ in range(_MOST_WRITES)]
        # The one used last comes first, so that few are ever connected.
        self._idle = asyncio.LifoQueue[Line]()
        for writer in self._writers:
            self._idle.put_nowait(writer)
        self._registrar = Registrar(self._redis, self._keys, name)
        self._withdraw = self._redis.register_script(WITHDRAW)
        self._missing = self._redis.register_script(MISSING)

    def _stream(self, kind: DecodeKind) -> str:
        return self._keys.finals if kind is DecodeKind.FINAL else self._keys.partials

    async def submit(self, submission: Submission) -> str:
        """Puts a job in line; returns its entry."""
        stream = self._stream(submission.job.kind)
        writer = await self._idle.get()
        try:
            return text(await writer.execute("XADD", stream, "*", "job", encode(submission)))
        finally:
            self._idle.put_nowait(writer)

    async def withdraw(self, kind: DecodeKind, entry: str) -> bool:
        """Takes a job out of the line; False when it is too late, because a worker has it or had it."""
        return bool(await self._withdraw(keys=[self._stream(kind)], args=[GROUP, entry]))

    async def missing(self, kind: DecodeKind, entries: Sequence[str]) -> set[str]:
        """Those that neither wait nor are being done."""
        if not entries:
            return set()
        found = await self._missing(keys=[self._stream(kind)], args=list(entries))
        return set(map(text, found))

    async def answers(self, after: str) -> tuple[str, list[Answer]]:
        """Waits a moment for answers beyond `after`; returns where they end, and them."""
        waiting = ("COUNT", _MOST_ANSWERS, "BLOCK", _BLOCK_MS)
        replies = await self._reader.execute("XREAD", *waiting, "STREAMS", self._results, after)
        answers = []
        for entry in delivered(replies, "answer"):
            after = entry.id
            try:
                answers.append(decode_answer(entry.payload))
            except MalformedMessage as error:
                log.error("answer from a worker of another make", reason=error.message)
        return after, answers

    async def forget_answers(self, until: str) -> None:
        """Deletes answers up to `until`, which have been read."""
        if until != BEGINNING:
            await self._redis.xtrim(self._results, minid=until, approximate=False)

    async def sign_in(self) -> Register:
        """Tells that this gateway is there; returns who else is."""
        return await self._registrar.sign_in(None)

    async def sign_out(self) -> None:
        """Leaves nothing of this gateway behind."""
        await self._registrar.sign_out()
        await self._redis.delete(self._results)

    async def close(self) -> None:
        for line in (self._reader, *self._writers):
            await line.close()
        await close(self._redis)
