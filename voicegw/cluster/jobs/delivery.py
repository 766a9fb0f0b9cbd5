"""Brings a gateway's jobs to workers: spreads them over the shards in turn, and submits again what was lost.

A job is kept here until it is answered. Twice: a moment after it was submitted, and whenever its shard has
been away, it is looked up in Redis; if it is found neither waiting nor being done, and is not answered either,
it was lost, and is submitted again. While a shard is away, its jobs go to another. So Redis may forget
everything and no session notices more than a wait.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from voicegw.cluster.jobs.job_messages import Answer, Submission
from voicegw.cluster.jobs.membership import Queues
from voicegw.cluster.jobs.producer import JobProducer
from voicegw.cluster.redis.connect import RedisOptions, parse
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor, back_off, raise_if_cancelled
from voicegw.cluster_metrics import ClusterMetrics
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult
from voicegw.tracing import parent_headers

_UPKEEP_S = 0.25
_LOOKED_UP_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job is in Redis."""

    shard: JobProducer
    entry: str


@dataclass(slots=True, eq=False)
class Request:
    """A job that is out. place: once it is in Redis; missed: it was not found there."""

    number: int
    job: DecodeJob
    answer: asyncio.Future[DecodeResult]
    asked: float
    place: Place | None = None
    missed: bool = False

    @property
    def kind(self) -> DecodeKind:
        """That of its job."""
        return self.job.kind


class JobDelivery:
    """`gateway` is this gateway's name; `receive` is called with the answers as they come."""

    def __init__(
        self,
        options: RedisOptions,
        gateway: str,
        metrics: ClusterMetrics,
        receive: Callable[[Sequence[Answer]], Awaitable[None]],
    ) -> None:
        address, layout = str(parse(options.url or "")), options.layout
        self.requests: dict[int, Request] = {}
        self._gateway = gateway
        self._metrics = metrics
        self._receive = receive
        self._shards = [
            JobProducer(
                options, keys, gateway, ConnectionMonitor(address, metrics, f"shard {index + 1} of {layout}")
            )
            for index, keys in enumerate(Keys(options.prefix).shards(layout))
        ]
        self._turn = 0
        self._queues: dict[JobProducer, Queues] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._moving: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begins to listen for answers."""
        for shard in self._shards:
            for name, step in (("answers", self._read_answers), ("upkeep", self._keep_up)):
                steps = shard.monitor.repeat(lambda step=step, shard=shard: step(shard))  # type: ignore[misc]
                self._tasks.append(asyncio.create_task(steps, name=f"cluster-{name}"))

    async def stop(self) -> None:
        """Listens no more."""
        for task in (*self._tasks, *self._moving):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._moving, return_exceptions=True)

    async def close(self) -> None:
        """Deletes this gateway's answers, and closes the connections."""
        for shard in self._shards:
            with suppress(*REDIS_ERRORS):
                await shard.delete_answers()
            await shard.close()

    def down_s(self) -> float:
        """For how long no shard has answered; 0 while one does."""
        return min(shard.monitor.down_s() for shard in self._shards)

    # --- jobs ---

    async def submit(self, request: Request) -> None:
        """Adds the job as soon as a shard takes it, and withdraws it if nobody waits for it by then."""
        attempt = 0
        while not request.answer.done():
            shard = self._next_shard()
            parent = parent_headers().get("traceparent", "")
            submission = Submission(self._gateway, request.number, request.job, parent)
            try:
                request.place = Place(shard, await shard.submit(submission))
                break
            except REDIS_ERRORS as error:
                raise_if_cancelled()
                shard.monitor.failed(error)
                if self.down_s():
                    await back_off(attempt)
                    attempt += 1
        if request.answer.done():
            await self.withdraw(request)
        raise_if_cancelled()  # or the time limit of the job would be lost, too

    def _next_shard(self) -> JobProducer:
        """The next in turn; one that does not answer only if none does."""
        answering = [shard for shard in self._shards if not shard.monitor.down_s()] or self._shards
        self._turn += 1
        return answering[self._turn % len(answering)]

    async def withdraw(self, request: Request) -> bool:
        """Whether a job could be withdrawn, or was never added."""
        if request.place is None:
            return True
        with suppress(*REDIS_ERRORS):
            return await request.place.shard.withdraw(request.job.lane, request.place.entry)
        return False

    # --- shards ---

    async def _read_answers(self, shard: JobProducer) -> None:
        try:
            answers = await shard.read_answers()
        except REDIS_ERRORS:
            if shard.monitor.down_s():
                self._move(shard)
            raise
        await self._receive(answers)

    def _move(self, shard: JobProducer) -> None:
        """Gives the jobs of a shard that is away to another, if there is one."""
        if self.down_s():
            return
        for request in self.requests.values():
            if request.place is not None and request.place.shard is shard and not request.answer.done():
                request.place = None
                self._metrics.asked_again.inc()
                task = asyncio.create_task(self.submit(request), name="cluster-move")
                self._moving.add(task)
                task.add_done_callback(self._moving.discard)

    async def _keep_up(self, shard: JobProducer) -> None:
        self._queues[shard] = await shard.queues()
        sum(self._queues.values(), Queues()).export(self._metrics)
        returned = shard.monitor.succeeded()
        await self._look_up(shard, 0.0 if returned else _LOOKED_UP_AFTER_S)
        await shard.trim_answers()
        await asyncio.sleep(_UPKEEP_S)

    async def _look_up(self, shard: JobProducer, older_than_s: float) -> None:
        """Submits again what was lost: missing twice, so that an answer on its way arrives first."""
        now = time.monotonic()
        due = {
            request.place.entry: request
            for request in self.requests.values()
            if request.place is not None
            and request.place.shard is shard
            and (request.missed or now - request.asked >= older_than_s)
        }
        for kind in DecodeKind:
            asked = {entry: request for entry, request in due.items() if request.job.lane is kind}
            missing = await shard.missing(kind, list(asked))
            for entry, request in asked.items():
                lost, request.missed = request.missed and entry in missing, entry in missing
                if lost and not request.answer.done():
                    self._metrics.asked_again.inc()
                    request.missed = False
                    await self.submit(request)
