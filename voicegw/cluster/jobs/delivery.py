"""Sends a gateway's jobs to workers: spreads them over the shards in turn, and submits lost jobs again.

A job is kept here until it is answered. It is looked up in Redis a moment after it was submitted, and
whenever its shard did not answer; a job that two look-ups find neither waiting nor held by a worker, and that
has no answer, was lost and is submitted again. While a shard does not answer, its jobs go to another. So if
Redis loses all data, sessions only wait longer.

A job of a session whose audio a worker keeps goes to that worker, without this audio (kept_audio.py), unless
it is busy. If the worker does not take it, or is lost with it, the job goes whole to any worker. Audio is
packed while all workers that may get it unpack it, which those of earlier versions do not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from voicegw.cluster.jobs.job_messages import Answer, Submission, WorkerStatus, packed
from voicegw.cluster.jobs.kept_audio import AudioLocations
from voicegw.cluster.jobs.membership import Queues
from voicegw.cluster.jobs.open_requests import OpenRequests, Request
from voicegw.cluster.jobs.producer import JobProducer, Place
from voicegw.cluster.redis.connect import RedisOptions, parse
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor, back_off, raise_if_cancelled
from voicegw.cluster_metrics import ClusterMetrics
from voicegw.tracing import parent_headers

_UPKEEP_S = 0.25
_LOOKED_UP_AFTER_S = 1.0
_TAKE_BACK_S = 0.05
_SHORT_PATIENCE_S = 0.1
_LONG_PATIENCE_S = 0.5
_WEIGHT = 0.1  # of the last wait in the average
_MAX_SHARE = 1.25  # of the sessions, over the share that a worker has of all slots


class JobDelivery:
    """gateway: its name. receive: called with answers when they arrive."""

    def __init__(
        self,
        options: RedisOptions,
        gateway: str,
        metrics: ClusterMetrics,
        receive: Callable[[Sequence[Answer]], Awaitable[None]],
    ) -> None:
        address, shard_count = str(parse(options.url or "")), options.shard_count
        self.requests = OpenRequests()
        self.workers: Mapping[str, WorkerStatus] = {}  # those that are alive
        self._gateway = gateway
        self._metrics = metrics
        self._receive = receive
        self._shards = [
            JobProducer(
                options,
                keys,
                gateway,
                ConnectionMonitor(address, metrics, f"shard {index + 1} of {shard_count}"),
            )
            for index, keys in enumerate(Keys(options.prefix).shards(shard_count))
        ]
        self._shard_count = shard_count
        self._audio = AudioLocations()
        self._turn = 0
        self._wait_s = 0.0  # of the last jobs, a moving average
        self._queues: dict[JobProducer, Queues] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._submitting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Starts to read answers."""
        for shard in self._shards:
            loops = {"answers": self._read_answers, "upkeep": self._keep_up, "late": self._take_back}
            for name, step in loops.items():
                steps = shard.monitor.repeat(lambda step=step, shard=shard: step(shard))  # type: ignore[misc]
                self._tasks.append(asyncio.create_task(steps, name=f"cluster-{name}"))

    async def stop(self) -> None:
        """Stops reading answers."""
        for task in (*self._tasks, *self._submitting):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._submitting, return_exceptions=True)

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
            try:
                async with shard.submitting:
                    if shard.monitor.down_s() and not self.down_s():
                        continue  # it failed while the job waited for its turn, and another one answers
                    self.requests.move(request, await self._add(shard, request))
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

    async def _add(self, shard: JobProducer, request: Request) -> Place:
        """Adds the job for the worker that keeps audio of its session, without this audio; else whole, for
        any worker. The second time it is not packed, as any worker can read it then."""
        parent = parent_headers().get("traceparent", "")
        submission = Submission(self._gateway, request.number, request.job, parent)
        size = len(request.job.pcm)
        if not request.whole and (worker := self._worker_for(request)):
            short = self._audio.without_kept(submission)
            kept = size - len(short.job.pcm)
            if self.workers[worker].unpacks:
                short = packed(short)
            if (place := await shard.submit_to(worker, short)) is not None:
                self._metrics.job_audio.labels("sent").inc(len(short.job.pcm))
                self._metrics.job_audio.labels("kept").inc(kept)
                return place
        if not request.whole and self.workers and all(each.unpacks for each in self.workers.values()):
            submission = packed(submission)
        self._metrics.job_audio.labels("sent").inc(len(submission.job.pcm))
        return await shard.submit(submission)

    def _worker_for(self, request: Request) -> str:
        """The worker that keeps audio of the session; empty when there is none, or when it is busy or has
        more than its share of the sessions."""
        name = self._audio.worker_of(request.job.session, time.monotonic())
        status = self.workers.get(name)
        if status is None or self._shard_count not in status.shard_counts:
            return ""
        slots = sum(each.slots for each in self.workers.values() if self._shard_count in each.shard_counts)
        share = len(self._audio) * status.slots / max(1, slots)
        has_room = (
            self.requests.count_at(name) < status.slots
            and self._audio.sessions_of(name) <= _MAX_SHARE * share + 1
        )
        return name if has_room else ""

    def _next_shard(self) -> JobProducer:
        """The next in turn; one that does not answer only if none does."""
        answering = [shard for shard in self._shards if not shard.monitor.down_s()] or self._shards
        self._turn += 1
        return answering[self._turn % len(answering)]

    async def withdraw(self, request: Request) -> bool:
        """Withdraws a job. Returns whether it is certain that no worker has it."""
        if (place := request.place) is None:
            return True
        with suppress(*REDIS_ERRORS):
            return await place.shard.withdraw(place)
        return False

    def decoded(self, request: Request, worker: str, wait_s: float) -> None:
        """A worker has done the job after this wait, and keeps its audio, if it has given its name."""
        self._wait_s += _WEIGHT * (wait_s - self._wait_s)
        if worker:
            self._audio.decoded(request.job, worker, time.monotonic())

    def submit_whole(self, request: Request, reason: str) -> None:
        """Submits a job again, for any worker, because the one that it was for has not decoded it. Does so
        only once, since the answer to an earlier submission may be late."""
        if request.whole:
            return
        self._metrics.sent_whole.labels(reason).inc()
        self._audio.forget(request.job.session)
        request.whole = True
        self._submit_again(request)

    def _submit_again(self, request: Request) -> None:
        self.requests.move(request, None)
        task = asyncio.create_task(self.submit(request), name="cluster-submit-again")
        self._submitting.add(task)
        task.add_done_callback(self._submitting.discard)

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
        """Moves the jobs of a shard that does not answer to one that does, if there is one."""
        if self.down_s():
            return
        for request in self._placed_in(shard):
            self._metrics.asked_again.inc()
            self._submit_again(request)

    def _placed_in(self, shard: JobProducer) -> list[Request]:
        """The jobs in a shard that are not answered."""
        return [
            request
            for request in self.requests
            if request.place is not None and request.place.shard is shard and not request.answer.done()
        ]

    async def _take_back(self, shard: JobProducer) -> None:
        """Submits jobs for any worker whose own worker does not take them, or was lost."""
        await asyncio.sleep(_TAKE_BACK_S)
        now = time.monotonic()
        due: dict[tuple[str, str], dict[str, Request]] = {}
        for request in self._placed_in(shard):
            place = request.place
            if place is not None and place.worker and now - place.since >= self._patience_s(place.worker):
                due.setdefault((place.worker, place.stream), {})[place.entry] = request
        for (worker, stream), requests in due.items():
            status = self.workers.get(worker)
            lease_ms = 0 if status is None else status.lease_ms
            for entry in await shard.take_back(stream, lease_ms, list(requests)):
                self.submit_whole(requests[entry], "late")

    def _patience_s(self, worker: str) -> float:
        """How long a job waits for its worker: briefly if another could decode it at once, and longer than
        other jobs wait at present."""
        others = (status for name, status in self.workers.items() if name != worker)
        free = any(
            status.held < status.slots and self._shard_count in status.shard_counts for status in others
        )
        patience_s = _SHORT_PATIENCE_S if free or worker not in self.workers else _LONG_PATIENCE_S
        return patience_s + 2 * self._wait_s

    async def _keep_up(self, shard: JobProducer) -> None:
        self._queues[shard] = await shard.queues()
        sum(self._queues.values(), Queues()).export(self._metrics)
        returned = shard.monitor.succeeded()
        await self._look_up(shard, 0.0 if returned else _LOOKED_UP_AFTER_S)
        self._audio.expire(time.monotonic())
        await shard.trim_answers()
        await asyncio.sleep(_UPKEEP_S)

    async def _look_up(self, shard: JobProducer, older_than_s: float) -> None:
        """Submits lost jobs again: those that were missing twice, so that an answer in transit arrives
        first."""
        now = time.monotonic()
        due: dict[str, dict[str, Request]] = {}
        for request in self._placed_in(shard):
            place = request.place
            if place is not None and (request.missed or now - request.asked >= older_than_s):
                due.setdefault(place.stream, {})[place.entry] = request
        for stream, requests in due.items():
            missing = await shard.missing(stream, list(requests))
            for entry, request in requests.items():
                lost, request.missed = request.missed and entry in missing, entry in missing
                if lost and not request.answer.done():
                    self._metrics.asked_again.inc()
                    request.missed = False
                    request.whole = True
                    await self.submit(request)
