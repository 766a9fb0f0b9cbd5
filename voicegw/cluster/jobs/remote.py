"""Recognition on other machines, in the gateway: writes jobs to Redis, and passes answers to their sessions.

Sessions use only `decode`, as with the pool of local processes, and the steps under overload are the same:
partials wait longer; above a mean wait no more sessions are admitted; above a longer one no partials are
decoded until the wait is shorter.

A job is kept here until it is answered. It is looked up in Redis a moment after it was submitted, and
whenever Redis was not reachable; a job that two look-ups find neither waiting nor held by a worker, and that
has no answer, was lost and is submitted again. So if Redis loses all data, sessions only wait longer.
"""

import asyncio
import secrets
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from voicegw.cluster.jobs.job_messages import Answer, Outcome, Submission
from voicegw.cluster.jobs.membership import Membership
from voicegw.cluster.jobs.producer import BEGINNING, JobProducer
from voicegw.cluster.redis.connect import RedisOptions, parse
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor, raise_if_cancelled
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Shed, Superseded
from voicegw.core.options import option
from voicegw.core.overload import Overload, OverloadOptions
from voicegw.errors import RecognitionFailed
from voicegw.telemetry import Metrics
from voicegw.tracing import parent_headers

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 0.25
_LOOKED_UP_AFTER_S = 1.0
_FADING = 0.8  # what is left of the longest decode with each shorter one


@dataclass(frozen=True, slots=True)
class RemoteOptions(OverloadOptions):
    """How long jobs in Redis may take, and when a gateway admits no more sessions."""

    job_timeout_ms: int = option(
        120_000, "time from asking to answer before a job is given up; its audio is kept until then", ge=100
    )
    away_ms: int = option(3000, "time without Redis from which no session is let in", ge=100)


@dataclass(slots=True, eq=False)
class _Request:
    """A job without an answer. entry: its entry in Redis, once there is one. missed: it was not found
    there."""

    number: int
    job: DecodeJob
    answer: asyncio.Future[DecodeResult]
    asked: float
    entry: str | None = None
    missed: bool = False

    @property
    def kind(self) -> DecodeKind:
        return self.job.kind


class RemoteRecognizer:
    """A Recognizer over the workers that share a Redis."""

    def __init__(self, redis: RedisOptions, options: RemoteOptions, metrics: Metrics) -> None:
        self._name = secrets.token_hex(8)
        self._options = options
        self._metrics = metrics
        self._producer = JobProducer(redis, self._name)
        self._monitor = ConnectionMonitor(str(parse(redis.url or "")), metrics.cluster)
        self._membership: Membership | None = None
        self._requests: dict[int, _Request] = {}
        self._asked = 0
        self._read_until = BEGINNING
        self._overload = Overload(options, self._next_wait_s, metrics.partials_shed.inc)
        self._last_taken = 0  # the newest partial that a worker is known to have had
        self._decode_s = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._background: set[asyncio.Task[object]] = set()
        metrics.decode_queue.set_function(lambda: len(self._requests))
        metrics.decode_oldest.set_function(self._oldest_s)
        metrics.partial_wait.set_function(lambda: self._overload.wait_s(time.monotonic()))

    @property
    def ready(self) -> bool:
        """Whether Redis answers and a worker there is warm."""
        return not self.unready()

    def unready(self) -> str:
        """See RecognitionService."""
        if self._monitor.down_s() * 1000 >= self._options.away_ms:
            return "Redis does not answer"
        if self._membership is None:
            return "Redis has not answered yet"
        return "" if self._membership.warm else "no recognition worker is warm yet"

    def overloaded(self) -> bool:
        """See RecognitionService."""
        return self._overload.overloaded(time.monotonic())

    def _next_wait_s(self, now: float) -> float:
        """How long the next partial must have waited. Workers take partials in order, so those in front of
        one that had its turn do not wait any more, even if a decode of theirs hangs. The next one may be
        with a worker, too; so the time that a decode takes does not count."""
        waiting = (
            request.asked
            for request in self._requests.values()
            if request.kind is DecodeKind.PARTIAL and request.number > self._last_taken
        )
        return now - next(waiting, now) - self._decode_s

    async def start(self) -> None:
        """Begins to listen for answers, whether or not Redis and workers are there yet. Raises
        ConfigurationError when Redis does not accept this gateway's user and password."""
        await self._monitor.try_once(self._heartbeat)
        for name, step in (("answers", self._receive), ("membership", self._keep_up)):
            self._tasks.append(asyncio.create_task(self._monitor.repeat(step), name=f"cluster-{name}"))

    async def close(self) -> None:
        """Withdraws the open jobs, and leaves the registry."""
        for task in (*self._tasks, *self._background):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._background, return_exceptions=True)
        for request in tuple(self._requests.values()):
            _settle(request, RecognitionFailed("the recogniser is shutting down"))
            await self._withdraw(request)
        with suppress(*REDIS_ERRORS):
            await self._producer.leave()
        await self._producer.close()

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """See Recognizer."""
        self._overload.check(job, time.monotonic())
        self._asked += 1
        request = _Request(self._asked, job, asyncio.get_running_loop().create_future(), time.monotonic())
        superseded = [old for old in self._requests.values() if _supersedes(job, old)]
        self._requests[request.number] = request
        try:
            async with asyncio.timeout(self._options.job_timeout_ms / 1000):
                await self._submit(request)
                if superseded:
                    self._run_in_background(self._retire(superseded))
                return await request.answer
        except TimeoutError:
            self._metrics.decode_failures.inc()
            raise RecognitionFailed("the recogniser did not answer in time") from None
        finally:
            del self._requests[request.number]
            if request.answer.cancel() or request.answer.cancelled():
                # One whose command was in transit is not known here, and may be decoded without need.
                self._run_in_background(self._withdraw(request))

    def _oldest_s(self) -> float:
        now = time.monotonic()
        return max((now - request.asked for request in self._requests.values()), default=0.0)

    async def _retire(self, superseded: Iterable[_Request]) -> None:
        """Withdraws jobs that a newer job of their session replaces."""
        for other in superseded:
            if await self._withdraw(other):
                _settle(other, Superseded())

    async def _submit(self, request: _Request) -> None:
        """Adds the job as soon as Redis takes it, and withdraws it if it is no longer needed by then."""

        async def step() -> None:
            if not request.answer.done():
                parent = parent_headers().get("traceparent", "")
                submission = Submission(self._name, request.number, request.job, parent)
                request.entry = await self._producer.submit(submission)

        await self._monitor.retry(step)
        if request.answer.done():
            await self._withdraw(request)
        raise_if_cancelled()  # or the time limit of the job would be lost, too

    def _run_in_background(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs work whose result is not awaited."""
        task = asyncio.create_task(work, name="cluster-background")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _withdraw(self, request: _Request) -> bool:
        """Whether a job could be withdrawn, or was never added."""
        if request.entry is None:
            return True
        with suppress(*REDIS_ERRORS):
            return await self._producer.withdraw(request.job.lane, request.entry)
        return False

    # --- answers ---

    async def _receive(self) -> None:
        try:
            self._read_until, answers = await self._producer.read_answers(self._read_until)
        except REDIS_ERRORS:
            # The stream may be a new one by now, whose entries have lower numbers; what is read twice
            # is not awaited.
            self._read_until = BEGINNING
            raise
        now = time.monotonic()
        done = [self._deliver(answer, now) for answer in answers]
        await asyncio.sleep(0)  # the sessions that wait come before the metrics and the next read
        for request in filter(None, done):
            self._observe(request, now)

    def _deliver(self, answer: Answer, now: float) -> _Request | None:
        """Settles a request; returns it if the job was done."""
        request = self._requests.get(answer.request)
        if request is None or request.answer.done():
            self._metrics.cluster.late_answers.inc()
            return None
        if request.kind is DecodeKind.PARTIAL:
            self._last_taken = max(self._last_taken, request.number)
        match answer:
            case Answer(outcome=Outcome.DONE, result=DecodeResult() as result):
                request.answer.set_result(_own(result, request, now))
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

    def _observe(self, request: _Request, now: float) -> None:
        result = request.answer.result()
        self._metrics.observe_decode(request.job, result.decode_ms, result.retry_ms)
        if request.kind is DecodeKind.PARTIAL:
            self._overload.observe(result.queue_ms / 1000, now)
            self._decode_s = max(result.decode_ms / 1000, _FADING * self._decode_s)

    # --- membership ---

    async def _keep_up(self) -> None:
        await self._heartbeat()
        returned = self._monitor.succeeded()
        await self._look_up(0.0 if returned else _LOOKED_UP_AFTER_S)
        await self._producer.trim_answers(self._read_until)
        await asyncio.sleep(_HEARTBEAT_S)

    async def _heartbeat(self) -> None:
        with self._metrics.cluster.redis_lag.time():
            membership = await self._producer.heartbeat()
        if self._membership is None or (membership.warm > 0) != (self._membership.warm > 0):
            log.info("workers", warm=membership.warm)
        self._membership = membership
        self._metrics.workers_ready.set(membership.warm)
        membership.export(self._metrics.cluster)

    async def _look_up(self, older_than_s: float) -> None:
        """Submits lost jobs again: those that were missing twice, so that an answer in transit arrives
        first."""
        now = time.monotonic()
        due = [
            request
            for request in self._requests.values()
            if request.entry is not None and (request.missed or now - request.asked >= older_than_s)
        ]
        for kind in DecodeKind:
            asked = {request.entry: request for request in due if request.job.lane is kind and request.entry}
            missing = await self._producer.missing(kind, list(asked))
            for entry, request in asked.items():
                lost, request.missed = request.missed and entry in missing, entry in missing
                if lost and not request.answer.done():
                    self._metrics.cluster.asked_again.inc()
                    request.missed = False
                    await self._submit(request)


def _own(result: DecodeResult, request: _Request, now: float) -> DecodeResult:
    """The result as its session knows it. What it did not take a worker to decode, it waited, wherever that
    was."""
    job, queue_ms = request.job, max(0.0, (now - request.asked) * 1000 - result.decode_ms)
    return msgspec.structs.replace(result, session=job.session, number=job.number, queue_ms=queue_ms)


def _supersedes(job: DecodeJob, other: _Request) -> bool:
    return other.kind is DecodeKind.PARTIAL and other.job.session == job.session


def _settle(request: _Request, error: Exception) -> None:
    if not request.answer.done():
        request.answer.set_exception(error)
