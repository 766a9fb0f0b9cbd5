from random import Random

import pytest
from simpy import Environment

from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.workers import Job, JobQueues, WorkerGroup
from tests.benchmarks.sizing.figures import measured
from voicegw.core.jobs import DecodeKind

FINAL, PARTIAL = DecodeKind.FINAL, DecodeKind.PARTIAL


class Group:
    """Workers with jobs whose answers are noted: who, and after how many ms."""

    def __init__(self, workers: int = 1, slots: int = 1, **figures: float) -> None:
        self.env = Environment()
        deployment = Deployment(1, 0.3, workers=workers, slots=slots)
        self.workers = WorkerGroup(self.env, deployment, measured(**figures), Random(1))
        self.answered: list[tuple[str, float]] = []
        self.env.run(until=1e-9)  # the workers wait for jobs

    def submit(self, name: str, kind: DecodeKind = PARTIAL, window_s: float = 1.0) -> Job:
        job = Job(kind, window_s, self.env.event())
        job.done.callbacks.append(lambda _: self.answered.append((name, round(1000 * self.env.now))))
        self.workers.submit(job)
        return job

    def run(self) -> list[tuple[str, float]]:
        self.env.run(until=60)
        return self.answered


def test_finals_go_first_then_who_waited_longest() -> None:
    group = Group()
    for name, kind in (("a", PARTIAL), ("b", PARTIAL), ("c", FINAL), ("d", PARTIAL)):
        group.submit(name, kind)
    assert group.run() == [("c", 20), ("a", 40), ("b", 60), ("d", 80)]


def test_slots_and_workers_decode_side_by_side() -> None:
    group = Group(workers=2, slots=2)
    for name in "abcde":
        group.submit(name)
    assert [ms for _, ms in group.run()] == [20, 20, 20, 20, 40]


def test_a_withdrawn_job_is_not_decoded() -> None:
    group = Group()
    group.submit("a")
    group.submit("b").withdraw()
    group.submit("c")
    assert group.run() == [("b", 0), ("a", 20), ("c", 40)]
    assert group.workers.work.jobs[PARTIAL] == 2


def test_a_batch_is_of_one_kind_and_nearly_one_length() -> None:
    queues = JobQueues()
    env = Environment()
    for kind, window_s in ((PARTIAL, 1.0), (PARTIAL, 4.0), (PARTIAL, 1.4), (FINAL, 1.0), (PARTIAL, 1.5)):
        queues.add(Job(kind, window_s, env.event()))
    taken = [[job.window_s for job in queues.take(2)] for _ in range(4)]
    assert taken == [[1.0], [1.0, 1.4], [4.0], [1.5]]
    assert queues.take(2) == []
    assert len(queues) == 0


def test_a_batch_takes_as_long_as_was_measured() -> None:
    group = Group(batch_limit=4)
    for name in "abcde":
        group.submit(name)
    assert group.run() == [("a", 35), ("b", 35), ("c", 35), ("d", 35), ("e", 55)]
    assert group.workers.work.batches == 2
    assert group.workers.work.busy_s[PARTIAL] == pytest.approx(0.055)


def test_jobs_of_a_lost_worker_are_done_by_another_after_the_lease() -> None:
    group = Group(workers=2, lease_s=0.5)
    first, second = group.workers.workers
    for name in "ab":
        group.submit(name)
    group.env.run(until=0.01)
    group.workers.fail(first)
    assert sorted(ms for _, ms in group.run()) == [20, 530]
    assert second.down_until < 0


def test_a_lost_worker_is_replaced() -> None:
    group = Group(worker_start_s=5)
    group.workers.fail(group.workers.workers[0])
    group.submit("a")
    assert group.run() == [("a", 5020)]


def test_a_worker_that_is_added_decodes() -> None:
    group = Group(slots=1)
    group.workers.add_worker()
    for name in "ab":
        group.submit(name)
    assert [ms for _, ms in group.run()] == [20, 20]
