"""What a worker keeps and a job omits: windows drawn at random come out as they went in."""

from random import Random

import msgspec
import pytest

from tests.cluster.harness import FINAL, PARTIAL
from voicegw.cluster.jobs.job_messages import Submission, decode_submission, encode, packed
from voicegw.cluster.jobs.kept_audio import KEPT_S, AudioCache, AudioLocations, Ranges
from voicegw.core.jobs import DecodeJob

SECOND = 16_000
MB = 1 << 20
TALK = Random(1).randbytes(2 * 200 * SECOND)


def submission(start: int, end: int, session: str = "s", gateway: str = "g") -> Submission:
    pcm = TALK[2 * start : 2 * end]
    return Submission(gateway, 1, DecodeJob(session, 1, PARTIAL, start, pcm, prompt="before"))


def sent(locations: AudioLocations, whole: Submission) -> Submission:
    """As the worker reads it."""
    return decode_submission(encode(locations.without_kept(whole)))


def test_ranges_merge_and_forget_what_is_old() -> None:
    ranges = Ranges()
    for start, end in ((10, 20), (30, 40), (20, 25), (50, 60), (24, 32)):
        ranges.add(start, end)
    assert ranges.within(0, 100) == ((10, 40), (50, 60))
    assert ranges.within(15, 55) == ((15, 40), (50, 55))
    assert ranges.within(40, 50) == ()
    ranges.add(50 + 30 * SECOND, 60 + 30 * SECOND)
    assert ranges.within(0, 99 * SECOND) == ((50 + 30 * SECOND, 60 + 30 * SECOND),)


def test_a_growing_window_carries_each_sample_once() -> None:
    locations, cache = AudioLocations(), AudioCache(MB)
    carried = 0
    for step in range(1, 21):
        whole = submission(SECOND, SECOND + step * SECOND // 4)
        short = sent(locations, whole) if locations.worker_of("s", 0.0) else whole
        carried += len(short.job.pcm)
        complete = cache.complete(short, 0.0)
        assert complete is not None
        assert complete.job == whole.job
        locations.decoded(whole.job, "w", 0.0)
    assert carried == 2 * 5 * SECOND


def test_a_final_with_earlier_audio_carries_what_lies_between() -> None:
    locations, cache = AudioLocations(), AudioCache(MB)
    for start, end in ((0, 3 * SECOND), (4 * SECOND, 6 * SECOND)):
        cache.complete(submission(start, end), 0.0)
        locations.decoded(submission(start, end).job, "w", 0.0)
    whole = submission(SECOND, 7 * SECOND)
    short = sent(locations, whole)
    assert short.kept == ((SECOND, 3 * SECOND), (4 * SECOND, 6 * SECOND))
    assert len(short.job.pcm) == 2 * 2 * SECOND
    complete = cache.complete(short, 0.0)
    assert complete is not None
    assert complete.job == whole.job


@pytest.mark.parametrize("seed", range(20))
def test_any_windows_are_complete_or_refused(seed: int) -> None:
    random = Random(seed)
    locations, cache = AudioLocations(), AudioCache(random.choice((MB // 4, 8 * MB)))
    refused = 0
    for _ in range(200):
        session = f"s{random.randrange(4)}"
        end = random.randrange(1, 200 * SECOND)
        whole = submission(max(0, end - random.randrange(1, 28 * SECOND)), end, session)
        short = sent(locations, whole) if locations.worker_of(session, 0.0) else whole
        complete = cache.complete(short, 0.0)
        if complete is None:
            refused += 1
            locations.forget(session)
            complete = cache.complete(whole, 0.0)
        assert complete is not None
        assert complete.job == whole.job
        if random.random() < 0.9:  # answers may be lost
            locations.decoded(whole.job, "w", 0.0)
    assert refused < 200


def test_other_audio_than_was_kept_is_refused() -> None:
    locations, cache = AudioLocations(), AudioCache(MB)
    locations.decoded(submission(0, SECOND).job, "w", 0.0)
    other = msgspec.structs.replace(submission(0, SECOND).job, pcm=bytes(2 * SECOND))
    cache.complete(Submission("g", 1, other), 0.0)
    assert cache.complete(sent(locations, submission(0, 2 * SECOND)), 0.0) is None


@pytest.mark.parametrize("kept", [((5, 3),), ((0, 10), (5, 20)), ((-5, 5),), ((0, 1 << 60),)])
def test_ranges_that_no_gateway_writes_are_refused(kept: tuple[tuple[int, int], ...]) -> None:
    cache = AudioCache(MB)
    cache.complete(submission(0, SECOND), 0.0)
    assert cache.complete(msgspec.structs.replace(submission(0, 100), kept=kept), 0.0) is None


def test_audio_that_cannot_be_unpacked_is_refused() -> None:
    short = packed(submission(0, SECOND))
    assert AudioCache(MB).complete(short, 0.0) == submission(0, SECOND)
    spoilt = msgspec.structs.replace(short, job=msgspec.structs.replace(short.job, pcm=b"fLaC"))
    assert AudioCache(MB).complete(spoilt, 0.0) is None


def test_sessions_of_two_gateways_do_not_meet() -> None:
    locations, cache = AudioLocations(), AudioCache(MB)
    cache.complete(submission(0, SECOND, gateway="other"), 0.0)
    locations.decoded(submission(0, SECOND).job, "w", 0.0)
    assert cache.complete(sent(locations, submission(0, SECOND)), 0.0) is None


def test_audio_is_dropped_when_its_session_is_silent() -> None:
    locations, cache = AudioLocations(), AudioCache(MB)
    cache.complete(submission(0, SECOND, "early"), 0.0)
    cache.complete(submission(0, SECOND, "late"), 5.0)
    locations.decoded(submission(0, SECOND, "early").job, "w", 0.0)
    cache.expire(KEPT_S)
    assert len(cache) == 2 * SECOND
    assert locations.worker_of("early", KEPT_S) == ""
    locations.expire(KEPT_S)
    cache.expire(KEPT_S + 5.0)
    assert len(cache) == 0


def test_memory_is_bounded_and_the_least_recent_goes_first() -> None:
    cache, locations = AudioCache(10 * 2 * SECOND), AudioLocations()
    for number in range(30):
        cache.complete(submission(0, SECOND, f"s{number}"), 0.0)
        locations.decoded(submission(0, SECOND, f"s{number}").job, "w", 0.0)
        assert len(cache) <= 10 * 2 * SECOND
    assert cache.complete(sent(locations, submission(0, SECOND, "s0")), 0.0) is None
    assert cache.complete(sent(locations, submission(0, SECOND, "s29")), 0.0) is not None


def test_a_long_session_keeps_half_a_minute() -> None:
    cache = AudioCache(64 * MB)
    for second in range(100):
        cache.complete(submission(second * SECOND, (second + 1) * SECOND), 0.0)
    assert len(cache) == 2 * 30 * SECOND


def test_an_odd_number_of_bytes_is_left_to_the_recogniser() -> None:
    odd = Submission("g", 1, DecodeJob("s", 1, FINAL, 0, b"\0\0\0"))
    cache = AudioCache(MB)
    assert cache.complete(odd, 0.0) == odd
    assert len(cache) == 0


def test_a_worker_that_keeps_nothing_completes_what_is_whole() -> None:
    cache = AudioCache(0)
    assert cache.complete(submission(0, SECOND), 0.0) == submission(0, SECOND)
    assert len(cache) == 0
