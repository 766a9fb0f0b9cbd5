"""A worker among many: takes jobs from Redis, has them done by the local pool, and publishes the answers.

It takes no more than its processes can do at once, so that what waits, waits where any worker can take it.
A job is its own for a lease, which it renews while it has a process to do it with; when the lease has run
out, another worker claims the job. If the first one comes back, whoever is done first is believed: an answer
is published and its job acknowledged in one step, and only once.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from voicegw.cluster.connect import RedisOptions, parse
from voicegw.cluster.link import TROUBLE, Link
from voicegw.cluster.local import BusyShare, LocalPool
from voicegw.cluster.messages import Answer, Outcome, Submission, WorkerStatus, decode_submission
from voicegw.cluster.register import Register
from voicegw.cluster.replies import Entry
from voicegw.cluster.taking import WorkerStreams
from voicegw.core.jobs import DecodeJob, Shed, Superseded
from voicegw.core.options import option
from voicegw.errors import MalformedMessage, RecognitionFailed
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_SIGN_IN_S = 0.5
_FULL_S = 0.05  # how soon room that nothing announces is noticed
_BEGIN_S = 0.001  # jobs are on their way to a process before the next ones are asked for
_TAKEN_OVER_CHECKS = 20


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How a worker shares the work with others."""

    lease_ms: int = option(500, "time after which a silent worker's jobs are done by others", ge=50)
    max_deliveries: int = option(3, "workers that may be lost with a job before it is given up", ge=1, le=100)
    drain_timeout_ms: int = option(10_000, "time to finish what is held when leaving", ge=0)
    probe_host: str = option("127.0.0.1", "address of /metrics, /readyz and /healthz")
    probe_port: int | None = option(None, "port of /metrics, /readyz and /healthz; none without one", ge=0)


@dataclass(slots=True)
class _Doing:
    """A job that is being done. `entries`: where it is in Redis; more than one when it was asked again."""

    submission: Submission
    entries: list[Entry]
    task: asyncio.Task[None] | None = None


class Consumer:
    """Works from `run` until `leave`; `start` comes first and `close` last."""

    def __init__(
        self, redis: RedisOptions, options: ConsumerOptions, pool: LocalPool, metrics: Metrics
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._options = options
        self._pool = pool
        self._metrics = metrics.cluster
        self._streams = WorkerStreams(redis, self.name)
        self._link = Link(str(parse(redis.url or "")), metrics.cluster)
        self._doing: dict[tuple[str, int], _Doing] = {}
        self._register: Register | None = None
        self._leaving = asyncio.Event()
        self._room = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._share = BusyShare(pool)

    @property
    def ready(self) -> bool:
        """Whether it takes jobs: a process is warm, and Redis knows of it."""
        return not self.unready

    @property
    def unready(self) -> str:
        """Why it takes no jobs; empty when it does."""
        if self._leaving.is_set():
            return "this worker is leaving"
        if self._link.away_s():
            return "Redis does not answer"
        if not self._pool.capacity:
            return "no recognition process is warm yet"
        return "" if self._register else "Redis does not know of this worker yet"

    async def start(self) -> None:
        """Makes sure that Redis, if it is there, is one to work with. Raises ConfigurationError."""
        await self._link.begin(self._streams.check)
        await self._link.begin(self._streams.found)

    async def run(self) -> None:
        """Works until told to leave, and then until what it holds is done or handed back."""
        async with self._group:
            taking = self._spawn(self._link.repeat(self._take, self._leaving), "taking")
            keeping = [
                self._spawn(self._link.repeat(step), name)
                for name, step in (("leases", self._keep_leases), ("register", self._sign_in))
            ]
            await self._leaving.wait()
            unfinished = await self._finish(taking)
            for task in (*keeping, *self._tasks()):
                task.cancel()
        with suppress(*TROUBLE):
            await self._hand_over(unfinished)

    async def close(self) -> None:
        """Closes the connections to Redis."""
        await self._streams.close()

    def leave(self) -> None:
        """No more jobs: `run` comes to its end."""
        self._leaving.set()
        self._room.set()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._group.create_task(work, name=f"cluster-{name}")

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [doing.task for doing in self._doing.values() if doing.task is not None]

    def _held(self) -> list[Entry]:
        return [entry for doing in self._doing.values() for entry in doing.entries]

    # --- taking ---

    @property
    def _free(self) -> int:
        return self._pool.capacity - len(self._doing)

    async def _take(self) -> None:
        free = self._free
        if free <= 0:
            self._room.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_FULL_S):
                    await self._room.wait()
            return
        entries = await self._streams.take(free)
        for entry in entries:
            await self._accept(entry)
        if entries:
            await asyncio.sleep(_BEGIN_S)

    async def _keep_leases(self) -> None:
        """Renews what is held, or lets others have it while there is no process to do it; and claims what
        others let lie."""
        await asyncio.sleep(self._options.lease_ms / 5000)
        keep = self._streams.renew if self._pool.capacity > 0 else self._streams.hand_back
        await keep(self._held())
        if self._free > 0 and not self._leaving.is_set():
            for entry in await self._streams.claim(self._options.lease_ms, self._free):
                self._metrics.claimed.inc()
                await self._accept(entry)

    async def _accept(self, entry: Entry) -> None:
        """Begins with a job, or sees that there is nothing to do about it."""
        try:
            submission = decode_submission(entry.payload)
        except MalformedMessage as error:
            await self._bury(entry, "", None, error.message)
            return
        identity = (submission.gateway, submission.ticket)
        if (
            identity in self._doing
        ):  # asked again, or claimed by this worker itself because it was slow to renew
            entries = self._doing[identity].entries
            if entry.place not in (known.place for known in entries):
                entries.append(entry)
        elif self._register is not None and submission.gateway in self._register.gone_gateways:
            self._metrics.dropped.inc()
            await self._streams.publish(entry, submission.gateway, None)
        elif entry.deliveries > self._options.max_deliveries:
            reason = "every worker that had this audio was lost"
            answer = Answer(submission.ticket, Outcome.FAILED, reason=reason)
            await self._bury(entry, submission.gateway, answer, reason)
        else:
            doing = self._doing[identity] = _Doing(submission, [entry])
            doing.task = self._spawn(self._do(doing), "job")

    async def _bury(self, entry: Entry, gateway: str, answer: Answer | None, reason: str) -> None:
        self._metrics.dead.inc()
        log.error("job given up", entry=entry.id, deliveries=entry.deliveries, reason=reason)
        await self._streams.publish(entry, gateway, answer, dead=reason)

    # --- doing ---

    async def _do(self, doing: _Doing) -> None:
        submission = doing.submission
        try:
            answer = await self._answer(submission)
            # If Redis has lost the job by the time it is back, whoever asked has it done again.
            await self._link.persist(lambda: self._publish(doing, answer))
        finally:
            del self._doing[submission.gateway, submission.ticket]
            self._room.set()

    async def _answer(self, submission: Submission) -> Answer:
        try:
            result = await self._pool.decode(_own_name(submission))
        except RecognitionFailed as error:
            return Answer(submission.ticket, Outcome.FAILED, reason=error.message)
        except Superseded:
            return Answer(submission.ticket, Outcome.OVERTAKEN)
        except Shed:
            return Answer(submission.ticket, Outcome.SHED)
        except Exception:  # a fault of ours costs this job, not the worker
            log.exception("job failed", session=submission.job.session, job=submission.job.number)
            return Answer(submission.ticket, Outcome.FAILED, reason="a fault in the worker")
        return Answer(submission.ticket, Outcome.DONE, result)

    async def _publish(self, doing: _Doing, answer: Answer) -> None:
        gateway = doing.submission.gateway
        for entry in doing.entries:
            if answer.outcome is Outcome.FAILED:
                await self._bury(entry, gateway, answer, answer.reason)
            elif not await self._streams.publish(entry, gateway, answer):
                self._metrics.late_answers.inc()

    # --- being there ---

    async def _sign_in(self) -> None:
        capacity = 0 if self._leaving.is_set() else self._pool.capacity
        share = self._share.measure(time.monotonic())
        self._metrics.busy.set(share)
        self._register = await self._streams.sign_in(WorkerStatus(capacity, len(self._doing), share))
        self._register.show(self._metrics)
        if self._link.worked():
            await self._streams.found()
        await self._streams.forget_the_dead()
        await asyncio.sleep(_SIGN_IN_S)

    async def _finish(self, taking: "asyncio.Task[None]") -> list[Entry]:
        """Lets the last read end by itself, since what it brings would be lost with it, and then the jobs;
        returns what had to be left."""
        log.info("leaving", held=len(self._doing))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_timeout_ms / 1000):
                await asyncio.wait((taking,))
                while tasks := self._tasks():
                    await asyncio.wait(tasks)
        taking.cancel()
        return self._held()

    async def _hand_over(self, unfinished: list[Entry]) -> None:
        """Gives the others a moment to claim what was left, and leaves nothing of this worker behind. If
        nobody claims it, it waits under this worker's name for one who does."""
        await self._streams.sign_out()
        await self._streams.hand_back(unfinished)
        for _ in range(_TAKEN_OVER_CHECKS):
            if await self._streams.leave():
                break
            await asyncio.sleep(_FULL_S)
        log.info("left", handed_back=len(unfinished))


def _own_name(submission: Submission) -> DecodeJob:
    """The job under a name that it shares with no other gateway's: a session that has moved may have one of
    the same number out at each."""
    job = submission.job
    return msgspec.structs.replace(job, session=f"{job.session}@{submission.gateway}")
