"""The operations of a gateway on job streams in Redis: adds jobs, withdraws them, and reads the answers.

Every method raises REDIS_ERRORS.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import Answer, Submission, decode_answer, encode
from voicegw.cluster.jobs.membership import Membership, MembershipRegistry
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.scripts import GROUP, MISSING, WITHDRAW
from voicegw.core.jobs import DecodeKind
from voicegw.errors import UndecodableMessage

log = structlog.get_logger(__name__)

_BLOCK_MS = 1000
_MAX_ANSWERS = 256  # of one read
_MAX_SUBMITTING = 16  # each has a connection to itself
BEGINNING = "0"


class JobProducer:
    """name: of this gateway; a new one at each start."""

    def __init__(self, options: RedisOptions, name: str) -> None:
        self._keys = Keys(options.prefix)
        self._results = self._keys.results(name)
        self._redis: Redis = connect(options)
        self._blocking: Redis = connect(options, block_ms=_BLOCK_MS)
        self._submitting = asyncio.Semaphore(_MAX_SUBMITTING)
        self._registry = MembershipRegistry(self._redis, self._keys, name)
        self._withdraw = self._redis.register_script(WITHDRAW)
        self._missing = self._redis.register_script(MISSING)

    def _stream(self, kind: DecodeKind) -> str:
        return self._keys.finals if kind is DecodeKind.FINAL else self._keys.partials

    async def submit(self, submission: Submission) -> str:
        """Adds a job to its stream; returns the entry's id."""
        async with self._submitting:
            stream = self._stream(submission.job.lane)
            entry: Any = await self._redis.xadd(stream, {"job": encode(submission)})
        return str(entry.decode())

    async def withdraw(self, kind: DecodeKind, entry: str) -> bool:
        """Deletes a job; False when it is too late, because a worker has it or had it."""
        return bool(await self._withdraw(keys=[self._stream(kind)], args=[GROUP, entry]))

    async def missing(self, kind: DecodeKind, entries: Sequence[str]) -> set[str]:
        """The jobs that neither wait nor are held by a worker."""
        if not entries:
            return set()
        found = await self._missing(keys=[self._stream(kind)], args=list(entries))
        return {entry.decode() for entry in found}

    async def read_answers(self, after: str) -> tuple[str, list[Answer]]:
        """Waits up to a second for answers beyond the entry `after`; returns the last entry, and them."""
        reply: Any = await self._blocking.xread({self._results: after}, count=_MAX_ANSWERS, block=_BLOCK_MS)
        answers = []
        for entry, fields in (found for _, entries in reply for found in entries):
            after = entry.decode()
            try:
                answers.append(decode_answer(fields.get(b"answer", b"")))
            except UndecodableMessage as error:
                log.error("an answer cannot be read", reason=error.message)
        return after, answers

    async def trim_answers(self, until: str) -> None:
        """Deletes answers up to `until`, which have been read."""
        if until != BEGINNING:
            await self._redis.xtrim(self._results, minid=until, approximate=False)

    async def heartbeat(self) -> Membership:
        """Writes a heartbeat of this gateway; returns the membership."""
        return await self._registry.heartbeat(None)

    async def leave(self) -> None:
        """Deletes everything of this gateway."""
        await self._registry.leave()
        await self._redis.delete(self._results)

    async def close(self) -> None:
        """Closes the connections."""
        await close(self._blocking)
        await close(self._redis)
