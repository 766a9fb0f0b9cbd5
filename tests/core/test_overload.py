import pytest

from voicegw.core.jobs import DecodeJob, DecodeKind, Shed
from voicegw.core.overload import Overload, OverloadOptions

OPTIONS = OverloadOptions(overload_wait_ms=600, shed_wait_ms=1500)


def job(kind: DecodeKind) -> DecodeJob:
    return DecodeJob("s", 1, kind, 0, b"")


class Queue:
    """`wait_s`: of the partial that is next."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        self.shed = 0
        self.overload = Overload(OPTIONS, lambda now: self.wait_s, self.count)

    def count(self) -> None:
        self.shed += 1


def test_without_waits_everything_is_taken() -> None:
    queue = Queue()
    assert not queue.overload.overloaded(0.0)
    queue.overload.check(job(DecodeKind.PARTIAL), 0.0)
    assert queue.shed == 0


def test_waits_lead_to_overload_and_then_to_shedding() -> None:
    queue = Queue()
    for second in range(10):
        queue.overload.observe(1.0, float(second))
    assert queue.overload.overloaded(9.0)
    queue.overload.check(job(DecodeKind.PARTIAL), 9.0)
    for second in range(10, 20):
        queue.overload.observe(2.0, float(second))
    with pytest.raises(Shed):
        queue.overload.check(job(DecodeKind.PARTIAL), 19.0)
    assert queue.shed == 1


def test_finals_are_decoded_whatever_the_wait() -> None:
    queue = Queue()
    queue.wait_s = 60.0
    queue.overload.check(job(DecodeKind.FINAL), 0.0)
    assert queue.shed == 0


def test_a_partial_that_still_waits_counts_as_much_as_one_that_waited() -> None:
    queue = Queue()
    queue.wait_s = 0.7
    assert queue.overload.overloaded(0.0)
    assert queue.overload.wait_s(0.0) == 0.7


def test_overload_ends_by_itself() -> None:
    queue = Queue()
    queue.overload.observe(2.0, 0.0)
    queue.overload.observe(2.0, 1.0)
    assert queue.overload.overloaded(1.0)
    assert not queue.overload.overloaded(10.0)
