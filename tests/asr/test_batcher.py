from hypothesis import given
from hypothesis import strategies as st

from voicegw.asr.batcher import Entry, JobQueue
from voicegw.core.jobs import DecodeJob, DecodeKind

PARTIAL, FINAL = DecodeKind.PARTIAL, DecodeKind.FINAL


def entry(session: str, number: int, kind: DecodeKind = PARTIAL) -> Entry[str]:
    return Entry(DecodeJob(session, number, kind, 0, b""), f"{session}{number}")


def taken(queue: JobQueue[str]) -> list[str]:
    tickets = []
    while (next_entry := queue.take()) is not None:
        tickets.append(next_entry.ticket)
    return tickets


def test_an_empty_queue() -> None:
    queue = JobQueue[str]()
    assert len(queue) == 0
    assert queue.take() is None


def test_finals_go_first_each_kind_in_its_order() -> None:
    queue = JobQueue[str]()
    for each in (entry("a", 1), entry("b", 1, FINAL), entry("c", 1), entry("d", 1, FINAL)):
        assert queue.add(each) is None
    assert taken(queue) == ["b1", "d1", "a1", "c1"]


def test_a_newer_partial_takes_the_older_ones_place_in_the_line() -> None:
    queue = JobQueue[str]()
    for each in (entry("a", 1), entry("b", 1)):
        queue.add(each)
    overtaken = queue.add(entry("a", 2))
    assert overtaken is not None
    assert overtaken.ticket == "a1"
    assert taken(queue) == ["a2", "b1"]


def test_a_final_overtakes_its_sessions_partial() -> None:
    queue = JobQueue[str]()
    queue.add(entry("a", 1))
    overtaken = queue.add(entry("a", 2, FINAL))
    assert overtaken is not None
    assert overtaken.ticket == "a1"
    assert taken(queue) == ["a2"]


def test_a_job_that_comes_back_does_not_overtake_a_newer_one() -> None:
    for newer in (entry("a", 2), entry("a", 2, FINAL)):
        queue = JobQueue[str]()
        queue.add(newer)
        lost_with_its_worker = entry("a", 1)
        assert queue.add(lost_with_its_worker) is lost_with_its_worker
        assert taken(queue) == ["a2"]


def test_two_finals_of_a_session_are_both_done() -> None:
    queue = JobQueue[str]()
    queue.add(entry("a", 1, FINAL))
    queue.add(entry("a", 2, FINAL))
    assert taken(queue) == ["a1", "a2"]


def test_what_nobody_waits_for_is_forgotten() -> None:
    queue = JobQueue[str]()
    first, final = entry("a", 1), entry("b", 1, FINAL)
    queue.add(first)
    queue.add(final)
    queue.remove(first.job)
    queue.remove(final.job)
    assert len(queue) == 0


def test_forgetting_an_overtaken_partial_leaves_the_newer_one() -> None:
    queue = JobQueue[str]()
    older = entry("a", 1)
    queue.add(older)
    queue.add(entry("a", 2))
    queue.remove(older.job)
    queue.remove(entry("z", 9).job)
    assert taken(queue) == ["a2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(DecodeKind)), max_size=30))
def test_every_job_is_done_or_overtaken_once(asked: list[tuple[str, DecodeKind]]) -> None:
    queue = JobQueue[str]()
    entries = [entry(session, number, kind) for number, (session, kind) in enumerate(asked)]
    overtaken = [useless.ticket for each in entries if (useless := queue.add(each)) is not None]
    waiting = len(queue)
    done = taken(queue)
    assert len(done) == waiting
    assert sorted(done + overtaken) == sorted(each.ticket for each in entries)
    assert {each.ticket for each in entries if each.job.kind is FINAL} <= set(done)
