"""The operations of a gateway on one shard of the job streams in Redis: adds jobs, withdraws them, and reads
the answers.

Every method raises REDIS_ERRORS.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import Answer, Submission, decode_answer, encode
from voicegw.cluster.jobs.membership import Queues, queues_of
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.keys import ShardKeys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor
from voicegw.cluster.redis.scripts import GROUP, MISSING, QUEUES, TAKE_BACK, WITHDRAW
from voicegw.core.jobs import DecodeKind
from voicegw.errors import UndecodableMessage

log = structlog.get_logger(__name__)

_BLOCK_MS = 1000
_MAX_ANSWERS = 256  # of one read
_MAX_SUBMITTING = 16
_BEGINNING = "0"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job is in Redis. worker: of whose own stream; empty for the stream for all workers. since: when
    it was added to that, in monotonic seconds."""

    shard: "JobProducer"
    stream: str
    entry: str
    worker: str = ""
    since: float = 0.0


class JobProducer:
    """name: of the gateway; a new one at each start. monitor: of this shard. submitting: to be held while a
    job is added, since each that is being added has a connection to itself."""

    def __init__(self, options: RedisOptions, keys: ShardKeys, name: str, monitor: ConnectionMonitor) -> None:
        self.monitor = monitor
        self.submitting = asyncio.Semaphore(_MAX_SUBMITTING)
        self._keys = keys
        self._results = self._keys.results(name)
        self._read_until = _BEGINNING
        self._redis: Redis = connect(options, key=self._results)
        self._blocking: Redis = connect(options, block_ms=_BLOCK_MS, key=self._results)
        self._withdraw = self._redis.register_script(WITHDRAW)
        self._missing = self._redis.register_script(MISSING)
        self._take_back = self._redis.register_script(TAKE_BACK)
        self._queues = self._redis.register_script(QUEUES)

    async def submit(self, submission: Submission) -> Place:
        """Adds a job to the stream for all workers."""
        final = submission.job.lane is DecodeKind.FINAL
        stream = self._keys.finals if final else self._keys.partials
        entry: Any = await self._redis.xadd(stream, {"job": encode(submission)})
        return Place(self, stream, entry.decode())

    async def submit_to(self, worker: str, submission: Submission) -> Place | None:
        """Adds a job to a stream of one worker; None when that has no stream here."""
        final = submission.job.lane is DecodeKind.FINAL
        stream = self._keys.finals_of(worker) if final else self._keys.partials_of(worker)
        entry: Any = await self._redis.xadd(stream, {"job": encode(submission)}, nomkstream=True)
        return None if entry is None else Place(self, stream, entry.decode(), worker, time.monotonic())

    async def withdraw(self, place: Place) -> bool:
        """Deletes a job; False when it is too late, because a worker has it or had it."""
        return bool(await self._withdraw(keys=[place.stream], args=[GROUP, place.entry]))

    async def missing(self, stream: str, entries: Sequence[str]) -> set[str]:
        """The jobs that neither wait nor are held by a worker."""
        found = await self._missing(keys=[stream], args=list(entries))
        return {entry.decode() for entry in found}

    async def take_back(self, stream: str, lease_ms: int, entries: Sequence[str]) -> set[str]:
        """Deletes the jobs of a worker's own stream that it has not taken, or not renewed for `lease_ms`;
        returns which."""
        back = await self._take_back(keys=[stream], args=[GROUP, lease_ms, *entries])
        return {entry.decode() for entry in back}

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
        """The jobs that wait and that are held in this shard."""
        return queues_of(await self._queues(keys=[self._keys.finals, self._keys.partials], args=[GROUP]))

    async def delete_answers(self) -> None:
        """Deletes the answers for this gateway."""
        await self._redis.delete(self._results)

    async def close(self) -> None:
        """Closes the connections."""
        await close(self._blocking)
        await close(self._redis)
