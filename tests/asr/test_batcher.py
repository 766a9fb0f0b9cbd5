from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from voicegw.asr.batcher import Entry, JobQueue, Request
from voicegw.core.jobs import DecodeJob, DecodeKind

PARTIAL, FINAL = DecodeKind.PARTIAL, DecodeKind.FINAL


def entry(session: str, number: int, kind: DecodeKind = PARTIAL) -> Entry[str]:
    return Entry(DecodeJob(session, number, kind, 0, b""), f"{session}{number}")


def take(queue: JobQueue[Request], limit: int = 1, *, background: bool = True) -> list[Entry[Request]]:
    """The next batch, no longer queued, as the dispatcher takes it."""
    batch = queue.next(limit, background=background)
    for each in batch:
        queue.remove(each.job)
    return batch


def taken(queue: JobQueue[str]) -> list[str]:
    requests = []
    while batch := take(queue):
        requests += [each.request for each in batch]
    return requests


def test_an_empty_queue() -> None:
    queue = JobQueue[str]()
    assert len(queue) == 0
    assert take(queue) == []


def test_finals_go_first_each_kind_in_its_order() -> None:
    queue = JobQueue[str]()
    for each in (entry("a", 1), entry("b", 1, FINAL), entry("c", 1), entry("d", 1, FINAL)):
        assert queue.add(each) is None
    assert taken(queue) == ["b1", "d1", "a1", "c1"]


def test_a_final_that_was_lost_with_its_worker_goes_before_the_others() -> None:
    queue = JobQueue[str]()
    queue.add(entry("a", 1, FINAL))
    queue.add(replace(entry("b", 1, FINAL), alone=True))
    queue.add(entry("c", 1, FINAL))
    assert taken(queue) == ["b1", "a1", "c1"]


def test_the_first_partial_is_the_one_that_has_waited_longest() -> None:
    queue = JobQueue[str]()
    assert queue.first_partial is None
    for each in (entry("a", 1, FINAL), entry("b", 1), entry("c", 1)):
        queue.add(each)
    assert queue.first_partial == entry("b", 1)


def test_a_newer_partial_takes_the_older_ones_place_in_the_line() -> None:
    queue = JobQueue[str]()
    for each in (entry("a", 1), entry("b", 1)):
        queue.add(each)
    superseded = queue.add(entry("a", 2))
    assert superseded is not None
    assert superseded.request == "a1"
    assert taken(queue) == ["a2", "b1"]


def test_a_final_supersedes_its_sessions_partial() -> None:
    queue = JobQueue[str]()
    queue.add(entry("a", 1))
    superseded = queue.add(entry("a", 2, FINAL))
    assert superseded is not None
    assert superseded.request == "a1"
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


def test_an_urgent_final_supersedes_the_one_of_less_speech() -> None:
    queue = JobQueue[str]()
    for waiting in (entry("a", 1, FINAL), entry("b", 1, FINAL)):
        queue.add(waiting)
    urgent = entry("a", 2, FINAL)
    superseded = queue.add(replace(urgent, job=structs.replace(urgent.job, urgent=True)))
    assert superseded is not None
    assert superseded.request == "a1"
    assert taken(queue) == ["b1", "a2"]


def test_what_nobody_waits_for_is_forgotten() -> None:
    queue = JobQueue[str]()
    first, final = entry("a", 1), entry("b", 1, FINAL)
    queue.add(first)
    queue.add(final)
    queue.remove(first.job)
    queue.remove(final.job)
    assert len(queue) == 0


def test_forgetting_an_superseded_partial_leaves_the_newer_one() -> None:
    queue = JobQueue[str]()
    older = entry("a", 1)
    queue.add(older)
    queue.add(entry("a", 2))
    queue.remove(older.job)
    queue.remove(entry("z", 9).job)
    assert taken(queue) == ["a2"]


def batches(limit: int, *jobs: DecodeJob) -> list[list[int]]:
    """The numbers of the jobs that go together, batch by batch."""
    queue = JobQueue[None]()
    for each in jobs:
        queue.add(Entry(each, None))
    result = []
    while batch := take(queue, limit):
        result.append([each.job.number for each in batch])
    return result


def window(number: int, seconds: float = 2, kind: DecodeKind = PARTIAL, **fields: Any) -> DecodeJob:
    return DecodeJob(f"s{number}", number, kind, 0, bytes(int(seconds * 32_000)), **fields)


def test_windows_of_nearly_the_same_length_go_together() -> None:
    assert batches(8, window(1), window(2, 3), window(3, 2.4), window(4, 1.6)) == [[1, 3, 4], [2]]


def test_a_batch_has_its_limit() -> None:
    assert batches(2, window(1), window(2), window(3)) == [[1, 2], [3]]


def test_finals_and_partials_do_not_mix() -> None:
    assert batches(8, window(1), window(2, kind=FINAL), window(3), window(4, kind=FINAL)) == [[2, 4], [1, 3]]


def test_languages_do_not_mix() -> None:
    assert batches(8, window(1), window(2, language="de"), window(3)) == [[1, 3], [2]]


def test_an_urgent_window_does_not_wait_until_another_one_was_decoded_again() -> None:
    urgent = window(1, kind=FINAL, urgent=True, retried=False)
    assert batches(8, urgent, window(2, kind=FINAL), window(3, kind=FINAL)) == [[1], [2, 3]]
    assert batches(8, urgent, window(2, kind=FINAL, urgent=True)) == [[1], [2]]


def test_prompts_do_not_mix_and_the_same_prompt_does() -> None:
    prompted = [window(number, prompt="Before.") for number in (2, 4)]
    assert batches(8, window(1), prompted[0], window(3, prompt="Else."), prompted[1]) == [[1], [2, 4], [3]]


def test_key_terms_may_differ_in_a_batch() -> None:
    assert batches(8, window(1), window(2, key_terms=("Quilter",))) == [[1, 2]]


def test_a_job_that_was_lost_with_its_worker_goes_alone() -> None:
    queue = JobQueue[None]()
    queue.add(Entry(window(1), None, alone=True))
    queue.add(Entry(window(2), None))
    assert [len(take(queue, 8)), len(take(queue, 8))] == [1, 1]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(DecodeKind)), max_size=30))
def test_every_job_is_done_or_superseded_once(asked: list[tuple[str, DecodeKind]]) -> None:
    queue = JobQueue[str]()
    entries = [entry(session, number, kind) for number, (session, kind) in enumerate(asked)]
    superseded = [useless.request for each in entries if (useless := queue.add(each)) is not None]
    waiting = len(queue)
    done = taken(queue)
    assert len(done) == waiting
    assert sorted(done + superseded) == sorted(each.request for each in entries)
    assert {each.request for each in entries if each.job.kind is FINAL} <= set(done)


def in_background(session: str, number: int) -> Entry[str]:
    queued = entry(session, number, FINAL)
    return replace(queued, job=structs.replace(queued.job, background=True))


def test_a_recording_comes_last_and_alone() -> None:
    queue = JobQueue[str]()
    for each in (in_background("r", 1), in_background("s", 1), entry("a", 1), entry("b", 1, FINAL)):
        assert queue.add(each) is None
    assert take(queue, background=False) == [entry("b", 1, FINAL)]
    assert take(queue, background=False) == [entry("a", 1)]
    assert take(queue, background=False) == []
    assert queue.first == in_background("r", 1)
    assert take(queue, limit=8) == [in_background("r", 1)]
    queue.remove(in_background("s", 1).job)
    assert len(queue) == 0
