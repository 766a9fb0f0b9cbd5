from collections.abc import Sequence

import pytest

from benchmarks.capacity.load import Run, Timing
from benchmarks.capacity.ramp import Bench, Ramp, overload_of, speakers_for
from benchmarks.capacity.speaker import Speaker, Spoken
from clients.errors import ClientError, ServerFailed
from tests.benchmarks.capacity.spoken import run, spoken


def holding(capacity: int, failure: type[ClientError] | None = None) -> Bench:
    """A bench whose server breaks a session beyond its capacity, or fails as a whole."""

    class Scripted(Bench):
        async def run(self, speakers: Sequence[Speaker]) -> Run:
            good = [spoken(6_000) for _ in speakers]
            if len(speakers) <= capacity:
                return run(*good)
            if failure is not None:
                raise failure("too much")
            return run(*good[1:], Spoken(failure="broke"))

    return Scripted((), 500, Timing(10, 5), runs=2, reply="none")


async def test_a_search_ends_at_the_largest_success() -> None:
    ramp = Ramp(holding(5))
    await ramp.find()
    assert ramp.streams_at_slo == 5
    assert ramp.short == {1: [], 2: [], 4: [], 5: [], 6: ["1 errors"], 8: ["1 errors"]}
    assert ramp.curve.keys() == ramp.short.keys()


async def test_given_numbers_are_all_tried() -> None:
    ramp = Ramp(holding(3))
    await ramp.try_all([8, 2, 4])
    assert (ramp.streams_at_slo, list(ramp.curve)) == (2, [2, 4, 8])


async def test_a_failed_run_does_not_meet_the_objective() -> None:
    ramp = Ramp(holding(1, ClientError))
    await ramp.find()
    assert (ramp.streams_at_slo, ramp.short[2], list(ramp.curve)) == (1, ["too much"], [1])


async def test_a_server_that_does_not_start_ends_the_benchmark() -> None:
    with pytest.raises(ServerFailed):
        await Ramp(holding(0, ServerFailed)).find()


def test_speakers_start_at_different_positions() -> None:
    assert [one.begin for one in speakers_for(4)] == [0, 0.25, 0.5, 0.75]
    assert [one.delay_s for one in speakers_for(2)] == [0, 0.125]


@pytest.mark.parametrize(("held", "streams"), [(1, 2), (4, 6), (5, 8)])
def test_an_overload_comes_when_the_server_is_busy(held: int, streams: int) -> None:
    speakers = overload_of(held, warm_up_s=10)
    assert len(speakers) == streams
    assert all(one.delay_s < 0.25 for one in speakers[:held])
    assert all(5 <= one.delay_s <= 10 for one in speakers[held:])
