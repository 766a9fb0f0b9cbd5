"""Recognition on other machines, in the gateway: writes jobs to Redis, and passes answers to their sessions.

Sessions use only `decode`, as with the pool of local processes, and the steps under overload are the same:
partials wait longer; above a mean wait no more sessions are admitted; above a longer one no partials are
decoded until the wait is shorter. delivery.py sends the jobs to workers.
"""

import asyncio
import secrets
import time
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from voicegw.cluster.jobs.delivery import JobDelivery
from voicegw.cluster.jobs.job_messages import Answer, Outcome
from voicegw.cluster.jobs.membership import Membership, MembershipRegistry
from voicegw.cluster.jobs.open_requests import Request
from voicegw.cluster.redis.connect import RedisOptions, close, connect, parse
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Shed, Superseded
from voicegw.core.options import option
from voicegw.core.overload import Overload, OverloadOptions
from voicegw.errors import RecognitionFailed
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 0.25
_FADING = 0.8  # of the longest decode time, with each shorter decode


@dataclass(frozen=True, slots=True)
class RemoteOptions(OverloadOptions):
    """How long jobs in Redis may take, and when a gateway admits no more sessions."""

    job_timeout_ms: int = option(
        120_000, "time from asking to answer before a job is given up; its audio is kept until then", ge=100
    )
    away_ms: int = option(3000, "time without Redis from which no session is let in", ge=100)


class RemoteRecognizer:
    """A Recognizer over the workers that share a Redis."""

    def __init__(self, redis: RedisOptions, options: RemoteOptions, metrics: Metrics) -> None:
        self._name = secrets.token_hex(8)
        self._options = options
        self._metrics = metrics
        self._shard_count = redis.shard_count
        keys = Keys(redis.prefix)
        self._redis = connect(redis, key=keys.gateways)
        self._registry = MembershipRegistry(self._redis, keys, self._name)
        self._delivery = JobDelivery(redis, self._name, metrics.cluster, self._receive)
        self._monitor = ConnectionMonitor(str(parse(redis.url or "")), metrics.cluster, "registry")
        self._membership: Membership | None = None
        self._asked = 0
        self._overload = Overload(options, self._next_wait_s, metrics.partials_shed.inc)
        self._last_taken = 0  # the newest partial that a worker is known to have had
        self._decode_s = 0.0
        self._heartbeats: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[object]] = set()
        metrics.decode_queue.set_function(lambda: len(self._delivery.requests))
        metrics.decode_oldest.set_function(self._oldest_s)
        metrics.partial_wait.set_function(lambda: self._overload.wait_s(time.monotonic()))

    @property
    def ready(self) -> bool:
        """Whether Redis answers and a worker there is warm."""
        return not self.unready()

    def unready(self) -> str:
        """See RecognitionService."""
        if max(self._monitor.down_s(), self._delivery.down_s()) * 1000 >= self._options.away_ms:
            return "Redis does not answer"
        if self._membership is None:
            return "Redis has not answered yet"
        return "" if self._membership.warm(self._shard_count) else "no recognition worker is warm yet"

    def overloaded(self) -> bool:
        """See RecognitionService."""
        return self._overload.overloaded(time.monotonic())

    def _next_wait_s(self, now: float) -> float:
        """How long the next partial must have waited. Workers take partials in order, so those in front of
        one that had its turn do not wait any more, even if a decode of theirs hangs. The next one may be
        with a worker, too; so the time that a decode takes does not count."""
        waiting = (
            request.asked
            for request in self._delivery.requests
            if request.kind is DecodeKind.PARTIAL and request.number > self._last_taken
        )
        return now - next(waiting, now) - self._decode_s

    async def start(self) -> None:
        """Begins to listen for answers, whether or not Redis and workers are there yet. Raises
        ConfigurationError when Redis does not accept this gateway's user and password."""
        await self._monitor.try_once(self._heartbeat)
        steps = self._monitor.repeat(self._keep_up)
        self._heartbeats = asyncio.create_task(steps, name="cluster-membership")
        self._delivery.start()

    async def close(self) -> None:
        """Withdraws the open jobs, and leaves the registry."""
        tasks = [task for task in (self._heartbeats, *self._background) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._delivery.stop()
        for request in tuple(self._delivery.requests):
            _settle(request, RecognitionFailed("the recogniser is shutting down"))
            await self._delivery.withdraw(request)
        with suppress(*REDIS_ERRORS):
            await self._registry.leave()
        await self._delivery.close()
        await close(self._redis)

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """See Recognizer."""
        self._overload.check(job, time.monotonic())
        self._asked += 1
        request = Request(self._asked, job, asyncio.get_running_loop().create_future(), time.monotonic())
        superseded = [old for old in self._delivery.requests.of_session(job.session) if _supersedes(job, old)]
        self._delivery.requests.add(request)
        try:
            async with asyncio.timeout(self._options.job_timeout_ms / 1000):
                await self._delivery.submit(request)
                if superseded:
                    self._run_in_background(self._retire(superseded))
                return await request.answer
        except TimeoutError:
            self._metrics.decode_failures.inc()
            raise RecognitionFailed("the recogniser did not answer in time") from None
        finally:
            self._delivery.requests.remove(request)
            if request.answer.cancel() or request.answer.cancelled():
                # One whose command was in transit is not known here, and may be decoded without need.
                self._run_in_background(self._delivery.withdraw(request))

    def _oldest_s(self) -> float:
        asked = (request.asked for request in self._delivery.requests if not request.job.background)
        now = time.monotonic()
        return max((now - since for since in asked), default=0.0)

    async def _retire(self, superseded: Iterable[Request]) -> None:
        """Withdraws jobs that a newer job of their session replaces."""
        for other in superseded:
            if await self._delivery.withdraw(other):
                _settle(other, Superseded())

    def _run_in_background(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs work whose result is not awaited."""
        task = asyncio.create_task(work, name="cluster-background")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # --- answers ---

    async def _receive(self, answers: Sequence[Answer]) -> None:
        now = time.monotonic()
        done = [self._deliver(answer, now) for answer in answers]
        await asyncio.sleep(0)  # the sessions that wait come before the metrics and the next read
        for request in filter(None, done):
            self._observe(request, now)

    def _deliver(self, answer: Answer, now: float) -> Request | None:
        """Settles a request; returns it if the job was done."""
        request = self._delivery.requests.get(answer.request)
        if request is None or request.answer.done():
            self._metrics.cluster.late_answers.inc()
            return None
        if answer.outcome is Outcome.INCOMPLETE:
            self._delivery.submit_whole(request, "incomplete")
            return None
        if request.kind is DecodeKind.PARTIAL:
            self._last_taken = max(self._last_taken, request.number)
        match answer:
            case Answer(outcome=Outcome.DONE, result=DecodeResult() as result):
                own = _own(result, request, now)
                request.answer.set_result(own)
                self._delivery.decoded(request, answer.worker, own.queue_ms / 1000)
                return request
            case Answer(outcome=Outcome.SUPERSEDED):
                _settle(request, Superseded())
            case Answer(outcome=Outcome.SHED):
                self._metrics.partials_shed.inc()
                self._overload.observe(now - request.asked, now)
                _settle(request, Shed())
            case _:
                self._metrics.decode_failures.inc()
                _settle(request, RecognitionFailed(answer.reason))
        return None

    def _observe(self, request: Request, now: float) -> None:
        result = request.answer.result()
        self._metrics.observe_decode(request.job, result.decode_ms, result.retry_ms)
        if request.kind is DecodeKind.PARTIAL:
            self._overload.observe(result.queue_ms / 1000, now)
            self._decode_s = max(result.decode_ms / 1000, _FADING * self._decode_s)

    # --- membership ---

    async def _keep_up(self) -> None:
        await self._heartbeat()
        self._monitor.succeeded()
        await asyncio.sleep(_HEARTBEAT_S)

    async def _heartbeat(self) -> None:
        with self._metrics.cluster.redis_lag.time():
            membership = await self._registry.heartbeat_of_gateway(self._shard_count)
        warm = membership.warm(self._shard_count)
        if self._membership is None or (warm > 0) != (self._membership.warm(self._shard_count) > 0):
            log.info("workers", warm=warm)
        self._membership, self._delivery.workers = membership, membership.workers
        self._metrics.workers_ready.set(warm)
        membership.export(self._metrics.cluster)


def _own(result: DecodeResult, request: Request, now: float) -> DecodeResult:
    """The result with the names of its session. All time that is not decode time counts as waiting."""
    job, queue_ms = request.job, max(0.0, (now - request.asked) * 1000 - result.decode_ms)
    return msgspec.structs.replace(result, session=job.session, number=job.number, queue_ms=queue_ms)


def _supersedes(job: DecodeJob, other: Request) -> bool:
    """Whether their session no longer waits for the other one: a partial, or a final that it replaces."""
    return other.kind is DecodeKind.PARTIAL or (job.urgent and other.job.number < job.number)


def _settle(request: Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)
