"""Recognition on one machine, in the parent process: starts recognition processes, gives them jobs, and
replaces a process that dies or hangs; its jobs are decoded again.

A process holds the model's weights and several workers, each of which does one decode at a time. One task
owns it from start to end, and each worker has a task. Sessions use only `decode`.

Under overload partials wait longer, so sessions request them less often. Above a mean wait the pool is
overloaded, and the gateway admits no more sessions; above a longer one no partials are decoded until the wait
is shorter. Finals are always decoded first.
"""

import asyncio
import os
import time
from dataclasses import dataclass, replace

import msgspec
import structlog

from voicegw.asr.batcher import Entry
from voicegw.asr.dispatch import Dispatcher, Place
from voicegw.asr.engine import EngineSource
from voicegw.asr.pipe import Done, Failed, Layout, Setup
from voicegw.asr.process import WorkerProcess
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Superseded, encode_jobs
from voicegw.core.options import option
from voicegw.core.overload import Overload, OverloadOptions
from voicegw.errors import ModelUnavailable, RecognitionFailed, WorkerFailed
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_LONGEST_BACKOFF_S = 5.0


@dataclass(frozen=True, slots=True)
class PoolOptions(OverloadOptions):
    """How many decodes run at once, in how many processes, and how long they may take."""

    workers: int = option(
        0, "decodes at once, the same number in each process; 0 for what a calibration finds", ge=0, le=64
    )
    processes: int = option(
        1, "processes that the workers are spread over; each holds the model's weights", ge=1, le=64
    )
    start_timeout_ms: int = option(120_000, "time to load and warm the model", ge=1000, le=3_600_000)
    decode_timeout_ms: int = option(30_000, "time for one decode before its process is replaced", ge=100)
    job_timeout_ms: int = option(60_000, "time from asking to answer before a job is given up", ge=100)
    slow_decode_ms: int = option(250, "a 4 s window that takes longer gets more threads", ge=1)
    max_memory_mb: int = option(0, "memory that one process may take, in MB; 0 for no limit", ge=0)
    max_attempts: int = option(3, "processes that may die of one job before it is given up", ge=2, le=10)


@dataclass(slots=True)
class _Request:
    """The future of a job's result. attempts: processes that were lost with the job."""

    answer: asyncio.Future[DecodeResult]
    submitted: float
    attempts: int = 0

    def succeed(self, result: DecodeResult, taken: float, decode_ms: float, batch: int) -> None:
        """Sets the result, with the time that it took, if it is still awaited. batch: as in DecodeResult."""
        if not self.answer.done():
            queue_ms = (taken - self.submitted) * 1000
            measured = {"queue_ms": queue_ms, "decode_ms": decode_ms, "batch": batch}
            self.answer.set_result(msgspec.structs.replace(result, **measured))


class WorkerPool:
    """A Recognizer over local worker processes with this engine. cores: that they share; all of the machine's
    unless it is given."""

    def __init__(
        self, engine: EngineSource, options: PoolOptions, metrics: Metrics, cores: int | None = None
    ) -> None:
        self._engine = engine
        self._cores = cores or os.cpu_count() or 1
        self._options = options
        self._metrics = metrics
        self._dispatcher: Dispatcher[_Request] = Dispatcher()
        self._queue = self._dispatcher.queue
        metrics.decode_queue.set_function(lambda: len(self._queue))
        metrics.decode_oldest.set_function(self._oldest_s)
        self._unanswered: set[asyncio.Future[DecodeResult]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._warm = 0
        self._busy_s = 0.0
        self._overload = Overload(options, self._next_wait_s, metrics.partials_shed.inc)
        metrics.partial_wait.set_function(lambda: self._overload.wait_s(time.monotonic()))

    @property
    def ready(self) -> bool:
        """Whether a worker has decoded audio and waits for jobs."""
        return not self.unready()

    def unready(self) -> str:
        """See RecognitionService."""
        return "" if self._warm else "the speech model is not loaded yet"

    @property
    def warm(self) -> int:
        """How many workers are warm."""
        return self._warm

    @property
    def capacity(self) -> int:
        """How many jobs can be decoded at once."""
        return self._warm * self._dispatcher.batch

    @property
    def busy_s(self) -> float:
        """The decode time of all workers together, in seconds."""
        return self._busy_s

    def overloaded(self) -> bool:
        """See RecognitionService."""
        return self._overload.overloaded(time.monotonic())

    def _next_wait_s(self, now: float) -> float:
        first = self._queue.first_partial
        return now - first.request.submitted if first else 0.0

    def _oldest_s(self) -> float:
        first = self._queue.first  # of a recording only if no other job waits
        return time.monotonic() - first.request.submitted if first and not first.job.background else 0.0

    async def start(self) -> None:
        """Gets the model, which may be a download, starts the processes and waits until each is warm. Raises
        ModelUnavailable or WorkerFailed.

        The first one measures the cost of a decode, which determines the layout of all.
        """
        engine = await self._engine.prepare()
        options = self._options
        setup = Setup(
            engine,
            cores=max(1, self._cores // options.processes),
            at_once=-(-options.workers // options.processes),
            slow_decode_ms=options.slow_decode_ms,
            max_memory_mb=options.max_memory_mb,
        )
        try:
            layout = await self._add_process(setup)
            self._dispatcher.batch, self._dispatcher.gather_s = layout.batch, layout.gather_ms / 1000
            setup = msgspec.structs.replace(setup, layout=layout)
            await asyncio.gather(*[self._add_process(setup) for _ in range(options.processes - 1)])
        except BaseException:
            await self.close()
            raise
        log.info(
            "speech model loaded",
            processes=options.processes,
            workers=layout.at_once * options.processes,
            threads=layout.threads,
            batch=layout.batch,
            gather_ms=round(layout.gather_ms, 1),
            decode_ms=round(layout.single_ms, 1),
        )

    async def _add_process(self, setup: Setup) -> Layout:
        warm: asyncio.Future[Layout] = asyncio.get_running_loop().create_future()
        slot = len(self._tasks)
        self._tasks.append(asyncio.create_task(self._supervise(slot, setup, warm), name=f"recogniser-{slot}"))
        return await warm

    async def close(self) -> None:
        """Stops the processes; jobs that are still out are given up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for answer in self._unanswered:
            _fail(answer, "the recogniser is shutting down")

    async def decode(self, job: DecodeJob) -> DecodeResult:
        """See Recognizer."""
        self._overload.check(job, time.monotonic())
        request = _Request(asyncio.get_running_loop().create_future(), time.monotonic())
        self._unanswered.add(request.answer)
        try:
            await self._enqueue(Entry(job, request))
            async with asyncio.timeout(self._options.job_timeout_ms / 1000):
                return await request.answer
        except TimeoutError:
            self._metrics.decode_failures.inc()
            raise RecognitionFailed("the recogniser did not answer in time") from None
        finally:
            self._unanswered.discard(request.answer)
            self._queue.remove(job)

    async def _enqueue(self, entry: Entry[_Request]) -> None:
        superseded = await self._dispatcher.add(entry)
        if superseded is not None and not superseded.request.answer.done():
            superseded.request.answer.set_exception(Superseded())

    async def _supervise(self, slot: int, setup: Setup, warm: "asyncio.Future[Layout]") -> None:
        """Owns one process after the other: starts a new one whenever one is lost."""
        backoff_s = 0.1
        while True:
            try:
                async with WorkerProcess.running(self._engine.environment) as process:
                    layout = await process.warm_up(setup, self._options.start_timeout_ms)
                    backoff_s = 0.1
                    setup = msgspec.structs.replace(setup, layout=layout)  # a new one is ready sooner
                    if not warm.done():
                        warm.set_result(layout)
                    await self._run_workers(Place(process), layout.at_once)
            except Exception as error:  # whatever it was, the next process may work
                if not warm.done():
                    is_named = isinstance(error, ModelUnavailable)
                    warm.set_exception(error if is_named else WorkerFailed(str(error)))
                    return
                self._metrics.worker_restarts.inc()
                unexpected = not isinstance(error, WorkerFailed | OSError)
                what = {"slot": slot, "reason": str(error), "restart_in_s": backoff_s}
                log.warning("recognition process lost", **what, exc_info=unexpected)
            await asyncio.sleep(backoff_s)
            backoff_s = min(_LONGEST_BACKOFF_S, backoff_s * 2)

    async def _run_workers(self, place: Place, at_once: int) -> None:
        """Runs the workers of a process until it is lost; then raises WorkerFailed."""
        workers = [
            asyncio.create_task(self._run_worker(place), name=f"worker-{number}") for number in range(at_once)
        ]
        self._count_warm(at_once)
        try:
            first, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            for worker in workers:
                worker.cancel()
            raise
        finally:
            self._count_warm(-at_once)
            place.process.kill()  # the other workers' decodes fail now, and their jobs are done again
            await asyncio.gather(*workers, return_exceptions=True)
        await first.pop()

    def _count_warm(self, more: int) -> None:
        self._warm += more
        self._dispatcher.workers = self._warm
        self._metrics.workers_ready.set(self._warm)

    async def _run_worker(self, place: Place) -> None:
        """Decodes jobs until the process is lost, and then queues its unfinished jobs again."""
        while batch := await self._dispatcher.next(place):
            was_lost = place.process.lost
            try:
                await self._decode_batch(place.process, batch)
            except WorkerFailed as error:
                hangs = error is place.process.overdue
                is_suspect = hangs or (place.process.overdue is None and not was_lost)
                for entry in batch:
                    await self._requeue(entry, is_suspect=is_suspect, hangs=hangs)
                raise
            finally:
                await self._dispatcher.done(place, batch)
        raise WorkerFailed("the process died while idle")

    async def _decode_batch(self, process: WorkerProcess, batch: list[Entry[_Request]]) -> None:
        batch = [entry for entry in batch if not entry.request.answer.done()]
        if not batch:
            return
        taken = time.monotonic()
        if batch[0].job.kind is DecodeKind.PARTIAL:
            self._overload.observe(taken - batch[0].request.submitted, taken)
        request = encode_jobs([entry.job for entry in batch])
        answer = await process.ask(request, self._options.decode_timeout_ms)
        decode_ms = (time.monotonic() - taken) * 1000
        self._busy_s += decode_ms / 1000
        if isinstance(answer, Done):
            self._metrics.decode_batch.observe(len(batch))
            for entry, result in zip(batch, answer.results, strict=True):
                self._metrics.observe_decode(entry.job, decode_ms, result.retry_ms)
                entry.request.succeed(result, taken, decode_ms, len(batch))
        elif len(batch) > 1:
            for entry in batch:
                await self._decode_batch(process, [entry])  # one of them is at fault; the others are not
        elif isinstance(answer, Failed):
            job = batch[0].job
            log.error("decode failed", session=job.session, job=job.number, reason=answer.reason)
            self._give_up(batch[0], "the recogniser failed on this audio")

    async def _requeue(self, entry: Entry[_Request], *, is_suspect: bool, hangs: bool) -> None:
        """Queues a job that was lost with its process again, or gives it up. is_suspect: it may have caused
        the loss, and is decoded alone. If it hangs then, it is given up, because all others wait for it."""
        entry.request.attempts += is_suspect
        if entry.request.attempts >= self._options.max_attempts or (entry.alone and hangs):
            self._give_up(entry, "the recogniser died of this audio, repeatedly")
        elif not entry.request.answer.done():
            await self._enqueue(replace(entry, alone=entry.alone or is_suspect))

    def _give_up(self, entry: Entry[_Request], reason: str) -> None:
        self._metrics.decode_failures.inc()
        _fail(entry.request.answer, reason)


def _fail(answer: "asyncio.Future[DecodeResult]", reason: str) -> None:
    if not answer.done():
        answer.set_exception(RecognitionFailed(reason))
