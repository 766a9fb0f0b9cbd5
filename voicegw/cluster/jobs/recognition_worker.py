"""One of several workers: takes jobs from Redis, lets the local pool decode them, and publishes the answers.

The worker has a lease on each job, which it renews while it has a process for it; when the lease has expired,
another worker claims the job. If the first worker continues later, the first answer counts: publishing an
answer and acknowledging its job is one step.
"""

import asyncio
import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec
import structlog
from opentelemetry.trace import SpanKind

from voicegw.cluster.jobs.job_messages import (
    Answer,
    Outcome,
    Submission,
    WorkerStatus,
    decode_submission,
    encode,
    packed,
)
from voicegw.cluster.jobs.kept_audio import AudioCache
from voicegw.cluster.jobs.local_pool import BusyShare, LocalPool
from voicegw.cluster.jobs.membership import Membership
from voicegw.cluster.jobs.worker_shards import WorkerShards
from voicegw.cluster.redis.connect import RedisOptions, parse
from voicegw.cluster.redis.group_reader import Entry
from voicegw.cluster.redis.group_worker import GroupWorker
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor
from voicegw.core.jobs import DecodeJob, Shed, Superseded
from voicegw.core.options import option
from voicegw.errors import RecognitionFailed, UndecodableMessage
from voicegw.telemetry import Metrics
from voicegw.tracing import parent_of, span

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 0.5
_TEND_S = 5.0


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How a worker shares the work with others."""

    lease_ms: int = option(500, "time after which a silent worker's jobs are done by others", ge=50)
    max_deliveries: int = option(3, "workers that may be lost with a job before it is given up", ge=1, le=100)
    kept_audio_mb: int = option(
        64, "audio of sessions that is kept so that jobs carry only new samples, MB; 0 for none", ge=0
    )
    drain_timeout_ms: int = option(10_000, "time to finish what is held when leaving", ge=0)
    probe_host: str = option("127.0.0.1", "address of /metrics, /readyz and /healthz")
    probe_port: int | None = option(None, "port of /metrics, /readyz and /healthz; none without one", ge=0)


class RecognitionWorker:
    """Works from `run` until `leave`; `start` comes first and `close` last."""

    min_claims = 0

    def __init__(
        self, redis: RedisOptions, options: ConsumerOptions, pool: LocalPool, metrics: Metrics
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._options = options
        self._pool = pool
        self._metrics = metrics.cluster
        self._shards = WorkerShards(redis, self.name, metrics.cluster)
        self._monitor = ConnectionMonitor(str(parse(redis.url or "")), metrics.cluster, "registry")
        self._worker = GroupWorker(self, options.lease_ms)
        self._tended_at = 0.0
        self._audio = AudioCache(options.kept_audio_mb << 20)
        self._pending: dict[tuple[str, int], asyncio.Future[Answer]] = {}
        self._membership: Membership | None = None
        self._share = BusyShare(pool)

    @property
    def ready(self) -> bool:
        """Whether it takes jobs: a process is warm, and Redis knows of it."""
        return not self.unready

    @property
    def unready(self) -> str:
        """Why it takes no jobs; empty when it does."""
        if self._worker.stopping:
            return "this worker is leaving"
        if self._monitor.down_s() or not self._shards.answering:
            return "Redis does not answer"
        if not self._pool.capacity:
            return "no recognition process is warm yet"
        return "" if self._membership else "Redis does not know of this worker yet"

    @property
    def capacity(self) -> int:
        """See EntryHandler."""
        return self._pool.capacity

    async def start(self) -> None:
        """Checks the version and the login of Redis, if it answers. Raises ConfigurationError."""
        await self._monitor.try_once(self._shards.check_version)
        await self._shards.create_groups()

    async def run(self) -> None:
        """Works until `leave`, and then until its jobs are done or released."""
        async with asyncio.TaskGroup() as group:
            heartbeats = group.create_task(self._monitor.repeat(self._heartbeat), name="heartbeats")
            tending = group.create_task(self._monitor.repeat(self._look_after), name="upkeep")
            unfinished = await self._worker.run(self._shards.readers, self._options.drain_timeout_ms)
            heartbeats.cancel()
            tending.cancel()
        with suppress(*REDIS_ERRORS):
            await self._shards.hand_over(unfinished)
            log.info("left", handed_back=len(unfinished))

    async def close(self) -> None:
        """Closes the connections to Redis."""
        await self._shards.close()

    def leave(self) -> None:
        """Takes no more jobs, so that `run` ends."""
        log.info("leaving", held=len(self._worker.held))
        self._worker.stop()

    # --- jobs ---

    async def handle(self, entry: Entry) -> None:
        """See EntryHandler."""
        if entry.deliveries > 1:
            self._metrics.claimed.inc()
        try:
            submission = decode_submission(entry.payload)
        except UndecodableMessage as error:
            await self._dead_letter(entry, "", None, error.message)
            return
        if self._membership is not None and submission.gateway in self._membership.gone_gateways:
            self._metrics.dropped.inc()
            await self._publish(entry, submission.gateway, None)
        elif entry.deliveries > self._options.max_deliveries:
            reason = "every worker that had this audio was lost"
            answer = Answer(submission.request, Outcome.FAILED, reason=reason)
            await self._dead_letter(entry, submission.gateway, answer, reason)
        else:
            await self._do(entry, submission)

    async def _do(self, entry: Entry, submission: Submission) -> None:
        """Decodes a job once, and publishes the answer for each of its entries: a job that was submitted
        again has several."""
        identity = submission.gateway, submission.request
        if (pending := self._pending.get(identity)) is not None:
            await asyncio.wait((pending,))
            await self._answer(entry, submission, pending.result())
            return
        complete = self._audio.complete(submission, time.monotonic())
        if complete is None:
            await self._answer(entry, submission, Answer(submission.request, Outcome.INCOMPLETE))
            return
        pending = self._pending[identity] = asyncio.get_running_loop().create_future()
        try:
            pending.set_result(await self._recognize(complete))
            await self._answer(entry, complete, pending.result())
        finally:
            del self._pending[identity]
            pending.cancel()

    async def _recognize(self, submission: Submission) -> Answer:
        parent = parent_of([("traceparent", submission.traceparent)])
        try:
            with span("decode job", kind=SpanKind.CONSUMER, parent=parent):
                result = await self._pool.decode(_qualified(submission))
        except RecognitionFailed as error:
            return Answer(submission.request, Outcome.FAILED, reason=error.message)
        except Superseded:
            return Answer(submission.request, Outcome.SUPERSEDED)
        except Shed:
            return Answer(submission.request, Outcome.SHED)
        except Exception:  # a fault of ours costs this job, not the worker
            log.exception("job failed", session=submission.job.session, job=submission.job.number)
            return Answer(submission.request, Outcome.FAILED, reason="a fault in the worker")
        return Answer(
            submission.request, Outcome.DONE, result, worker=self.name if self._options.kept_audio_mb else ""
        )

    async def _answer(self, entry: Entry, submission: Submission, answer: Answer) -> None:
        if answer.outcome is Outcome.FAILED:
            whole = replace(entry, payload=encode(packed(submission)))
            await self._dead_letter(whole, submission.gateway, answer, answer.reason)
        elif not await self._publish(entry, submission.gateway, answer):
            self._metrics.late_answers.inc()

    async def _dead_letter(self, entry: Entry, gateway: str, answer: Answer | None, reason: str) -> None:
        self._metrics.dead.inc()
        log.error("job given up", entry=entry.id, deliveries=entry.deliveries, reason=reason)
        await self._publish(entry, gateway, answer, reason)

    async def _publish(self, entry: Entry, gateway: str, answer: Answer | None, dead: str = "") -> bool:
        """If Redis has lost the job meanwhile, its gateway submits it again."""
        consumer = self._shards.consumer_of(entry)
        return await consumer.reader.monitor.retry(lambda: consumer.publish(entry, gateway, answer, dead))

    # --- membership ---

    async def _heartbeat(self) -> None:
        capacity = 0 if self._worker.stopping else self._pool.capacity
        share = self._share.measure(time.monotonic())
        self._metrics.busy.set(share)
        status = WorkerStatus(
            *(capacity, len(self._worker.held), share, self._shards.shard_counts, self._options.lease_ms),
            unpacks=True,
        )
        with self._metrics.redis_lag.time():
            self._membership = await self._shards.heartbeat(status)
        self._membership.export(self._metrics)
        self._monitor.succeeded()
        await self._shards.follow(self._membership.shard_counts, self._worker)
        await asyncio.sleep(_HEARTBEAT_S)

    async def _look_after(self) -> None:
        self._audio.expire(time.monotonic())
        self._metrics.audio_kept.set(len(self._audio))
        (await self._shards.queues()).export(self._metrics)
        if time.monotonic() - self._tended_at >= _TEND_S:
            self._tended_at = time.monotonic()
            await self._shards.tend()
        await asyncio.sleep(_HEARTBEAT_S)


def _qualified(submission: Submission) -> DecodeJob:
    """The job with its gateway's name: a session that has moved may have a job of the same number at each."""
    job = submission.job
    return msgspec.structs.replace(job, session=f"{job.session}@{submission.gateway}")
