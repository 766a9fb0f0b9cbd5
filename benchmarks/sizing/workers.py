"""Recognition workers and the two queues before them, on a simulated clock: finals first, then partials, in
batches of one kind and nearly one length, as voicegw/asr/batcher.py forms them."""

from collections import Counter, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from math import log, sqrt
from random import Random
from typing import Any

from simpy import Environment, Event

from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.measured_figures import Measured
from voicegw.core.jobs import DecodeKind

Steps = Generator[Event, Any, None]  # what a simpy process is made of

_SPREAD_S = 0.5  # difference in length within a batch, as in batcher.py
_SEARCHED = 64  # waiting jobs among which a batch looks for its others


def after(env: Environment, seconds: float, act: Callable[[], None]) -> None:
    """Does it so much later."""
    env.timeout(seconds).callbacks.append(lambda _: act())


@dataclass(eq=False, slots=True)
class Job:
    """One decode. window_s: the length of its audio. done: when it is answered, or nobody waits for it."""

    kind: DecodeKind
    window_s: float
    done: Event
    withdrawn: bool = False

    def withdraw(self) -> None:
        """Nobody waits for it any more. If it is being decoded, its worker goes on."""
        self.withdrawn = True
        if not self.done.triggered:
            self.done.succeed()


@dataclass
class Worker:
    """down_from, down_until: the time of its last fault."""

    down_from: float = -1.0
    down_until: float = -1.0


@dataclass
class Work:
    """What all workers have done: batches, and by kind, jobs and the seconds that slots were busy with
    them."""

    batches: int = 0
    jobs: Counter[DecodeKind] = field(default_factory=Counter)
    busy_s: dict[DecodeKind, float] = field(default_factory=lambda: dict.fromkeys(DecodeKind, 0.0))


@dataclass
class JobQueues:
    """The jobs that wait."""

    finals: deque[Job] = field(default_factory=deque)
    partials: deque[Job] = field(default_factory=deque)

    def add(self, job: Job) -> None:
        (self.finals if job.kind is DecodeKind.FINAL else self.partials).append(job)

    def take(self, limit: int) -> list[Job]:
        """The next batch of at most `limit`; none when nothing waits."""
        for queue in (self.finals, self.partials):
            while queue and queue[0].withdrawn:
                queue.popleft()
            if queue:
                return self._batch(queue, limit)
        return []

    @staticmethod
    def _batch(queue: deque[Job], limit: int) -> list[Job]:
        batch = [queue.popleft()]
        passed: list[Job] = []
        while queue and len(batch) < limit and len(passed) < _SEARCHED:
            job = queue.popleft()
            fits = abs(job.window_s - batch[0].window_s) <= _SPREAD_S
            if not job.withdrawn:
                (batch if fits else passed).append(job)
        queue.extendleft(reversed(passed))
        return batch

    def __len__(self) -> int:
        """With withdrawn jobs that have not come to the front yet."""
        return len(self.finals) + len(self.partials)


class WorkerGroup:
    """All workers of an installation."""

    def __init__(self, env: Environment, deployment: Deployment, measured: Measured, random: Random) -> None:
        self.work = Work()
        self.queues = JobQueues()
        self.workers: list[Worker] = []
        self._env = env
        self._measured = measured
        self._random = random
        self._costs = measured.decode_costs
        self._slots = deployment.slots
        self._batch_limit = round(measured["batch_limit"])
        self._beside = 1.0 if measured["gather_ms"] else max(1.0, measured["side_by_side_ratio"])
        self._sigma = {kind: sqrt(log(1 + measured[f"{kind}_variation_ratio"] ** 2)) for kind in DecodeKind}
        self._idle: list[Event] = []
        for _ in range(deployment.workers):
            self.add_worker()

    def add_worker(self) -> None:
        """One more, which decodes at once."""
        worker = Worker()
        self.workers.append(worker)
        for _ in range(self._slots):
            self._env.process(self._work(worker))

    def fail(self, worker: Worker) -> None:
        """It ends now, with what it decodes, and is there again later."""
        worker.down_from = self._env.now
        worker.down_until = self._env.now + self._measured["worker_start_s"]

    def submit(self, job: Job) -> None:
        """Puts the job into its queue."""
        self.queues.add(job)
        self._wake()

    def _wake(self) -> None:
        if self._idle:
            self._idle.pop().succeed()

    def _work(self, worker: Worker) -> Steps:
        """One slot of a worker: decodes batch after batch."""
        env = self._env
        while True:
            if env.now < worker.down_until:
                self._wake()  # another one, in case this one was woken for a job
                yield env.timeout(worker.down_until - env.now)
            batch = self.queues.take(self._batch_limit)
            if not batch:
                idle = env.event()
                self._idle.append(idle)
                yield idle
                continue
            begun = env.now
            yield env.timeout(self._decode_s(batch))
            if begun <= worker.down_from:
                self._take_over(batch, worker.down_from)
            else:
                self._finish(batch, env.now - begun)

    def _decode_s(self, batch: list[Job]) -> float:
        kind, sigma = batch[0].kind, self._sigma[batch[0].kind]
        longest_s = max(job.window_s for job in batch)
        mean_s = self._beside * self._costs.mean_s(kind, longest_s, len(batch))
        return mean_s * self._random.lognormvariate(-sigma * sigma / 2, sigma)

    def _finish(self, batch: list[Job], seconds: float) -> None:
        kind = batch[0].kind
        self.work.busy_s[kind] += seconds
        self.work.batches += 1
        self.work.jobs[kind] += len(batch)
        for job in batch:
            if not job.withdrawn:
                job.done.succeed()

    def _take_over(self, batch: list[Job], lost_at: float) -> None:
        """The jobs of a lost worker are there for others when its lease has run out."""
        delay_s = max(0.0, lost_at + self._measured["lease_s"] - self._env.now)
        for job in batch:
            after(self._env, delay_s, partial(self.submit, job))
