"""What a gateway does with one shard of the job streams in Redis: adds jobs, withdraws them, and reads the
answers.

Every method raises REDIS_ERRORS.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import Answer, Submission, decode_answer, encode
from voicegw.cluster.jobs.membership import Queues, queues_of
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.keys import ShardKeys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor
from voicegw.cluster.redis.scripts import GROUP, MISSING, QUEUES, WITHDRAW
from voicegw.core.jobs import DecodeKind
from voicegw.errors import UndecodableMessage

log = structlog.get_logger(__name__)

_BLOCK_MS = 1000
_MAX_ANSWERS = 256  # of one read
_MAX_SUBMITTING = 16  # each has a connection to itself
_BEGINNING = "0"


class JobProducer:
    """`name` is the gateway's, and new each time that it is started; `monitor` is that of this shard."""

    def __init__(self, options: RedisOptions, keys: ShardKeys, name: str, monitor: ConnectionMonitor) -> None:
        self.monitor = monitor
        self._keys = keys
        self._results = self._keys.results(name)
        self._read_until = _BEGINNING
        self._redis: Redis = connect(options, key=self._results)
        self._blocking: Redis = connect(options, block_ms=_BLOCK_MS, key=self._results)
        self._submitting = asyncio.Semaphore(_MAX_SUBMITTING)
        self._withdraw = self._redis.register_script(WITHDRAW)
        self._missing = self._redis.register_script(MISSING)
        self._queues = self._redis.register_script(QUEUES)

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
        """Those that are neither waiting nor held by a worker."""
        if not entries:
            return set()
        found = await self._missing(keys=[self._stream(kind)], args=list(entries))
        return {entry.decode() for entry in found}

    async def read_answers(self) -> list[Answer]:
        """Waits up to a second for answers beyond those that were read. After an error, all that are there
        are read again, since the stream may be a new one by then, whose entries have lower numbers."""
        try:
            reply: Any = await self._blocking.xread(
                {self._results: self._read_until}, count=_MAX_ANSWERS, block=_BLOCK_MS
            )
        except REDIS_ERRORS:
            self._read_until = _BEGINNING
            raise
        answers = []
        for entry, fields in (found for _, entries in reply for found in entries):
            self._read_until = entry.decode()
            try:
                answers.append(decode_answer(fields.get(b"answer", b"")))
            except UndecodableMessage as error:
                log.error("an answer cannot be read", reason=error.message)
        return answers

    async def trim_answers(self) -> None:
        """Deletes answers that have been read, but for the last one, where reading goes on."""
        if self._read_until != _BEGINNING:
            await self._redis.xtrim(self._results, minid=self._read_until, approximate=False)

    async def queues(self) -> Queues:
        """What waits and is held in this shard."""
        return queues_of(await self._queues(keys=[self._keys.finals, self._keys.partials], args=[GROUP]))

    async def delete_answers(self) -> None:
        """Deletes all that is this gateway's."""
        await self._redis.delete(self._results)

    async def close(self) -> None:
        """Closes the connections."""
        await close(self._blocking)
        await close(self._redis)
