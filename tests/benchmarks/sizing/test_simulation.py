"""One installation on the simulated clock: what follows from constant figures, and what faults cost."""

import pytest

from benchmarks.sizing.caller import INTERVAL_S, PAUSE_S
from benchmarks.sizing.deployment import Deployment, Fault, Part
from benchmarks.sizing.outcome import Outcome, p95_by_second
from benchmarks.sizing.simulation import Simulation, simulate
from tests.benchmarks.sizing.figures import constant, measured
from voicegw.core.jobs import DecodeKind


def outcome_of(
    callers: int = 40, seconds: float = 60, faults: tuple[Fault, ...] = (), **parts: int
) -> Outcome:
    wanted = Deployment(callers, 0.3, **{"workers": 4, "slots": 2, **parts})
    return simulate(wanted, measured(), seconds, faults)


def test_words_take_their_lookahead_the_rest_of_the_interval_and_a_decode() -> None:
    found = outcome_of(callers=10)
    decode_s, lookahead_s, hop_s = 0.02, 0.1, 0.003
    assert lookahead_s < found.word_p50_s < lookahead_s + INTERVAL_S + decode_s + hop_s
    assert found.word_p95_s < lookahead_s + INTERVAL_S + 2 * (decode_s + hop_s)
    assert found.final_p95_s == 0  # decoded within the end silence


def test_as_many_partials_are_decoded_as_a_session_asks_for_and_a_final_at_the_end() -> None:
    simulation = Simulation(Deployment(1, 1.0, slots=2), measured(hop_p50_ms=0.001))
    simulation.run(100)
    jobs, utterance_s = simulation.workers.work.jobs, 2 + PAUSE_S + 0.02
    assert jobs[DecodeKind.FINAL] == pytest.approx(100 / utterance_s, rel=0.05)
    partials = (2 + PAUSE_S) // (
        INTERVAL_S + 0.0
    )  # each is due an interval after the window of the one before
    assert jobs[DecodeKind.PARTIAL] == pytest.approx(partials * 100 / utterance_s, rel=0.05)


def test_too_few_workers_are_always_busy_and_words_are_late() -> None:
    found = outcome_of(callers=400, workers=1, gateways=4)
    assert found.worker_share > 0.97
    assert not found.in_time
    assert outcome_of(callers=400, workers=8, gateways=4).in_time


def test_runs_with_the_same_seed_are_the_same() -> None:
    assert str(outcome_of()) == str(outcome_of())  # not a number is not equal to itself


def test_a_slice_agrees_with_the_whole() -> None:
    whole = Deployment(2000, 0.3, gateways=20, workers=60, shards=5, slots=1)
    part = whole.slice(400)
    assert (part.callers, part.gateways, part.workers, part.shards) == (400, 4, 12, 1)
    found, of_part = (simulate(each, measured(), 20) for each in (whole, part))
    assert of_part.word_p95_s == pytest.approx(found.word_p95_s, rel=0.05)
    assert of_part.worker_share == pytest.approx(found.worker_share, rel=0.05)


@pytest.mark.parametrize(("part", "at_least_s", "at_most_s"), [(Part.GATEWAY, 0.3, 2), (Part.SHARD, 2, 4)])
def test_a_fault_delays_words_for_its_time_only(part: Part, at_least_s: float, at_most_s: float) -> None:
    found = outcome_of(callers=400, seconds=40, faults=(Fault(part, 10.0),), workers=8, gateways=4, shards=4)
    assert max(found.word_p95_by_second_s[:10]) < 0.6
    assert at_least_s <= found.worst_second_s(10) < at_most_s
    assert found.worst_second_s(15) < 0.6


def test_callers_who_go_on_talking_while_their_shard_is_lost_wait_for_it() -> None:
    figures = measured(decode_ms=400, pauses_per_speech_s=1.0, **constant("pause", 500))
    found = simulate(Deployment(20, 0.9, workers=20), figures, 20, [Fault(Part.SHARD, 5)])
    assert found.lost_words
    assert 2 <= found.lost_word_p95_s < 4


def test_the_last_worker_is_waited_for() -> None:
    simulation = Simulation(Deployment(20, 0.3, slots=2), measured(worker_start_s=5))
    found = simulation.run(40, [Fault(Part.WORKER, 10.0)])
    assert 4 < found.worst_second_s(10) < 7
    assert found.worst_second_s(25) < 0.6


def test_percentiles_by_second() -> None:
    first, second, third = p95_by_second([0.1, 0.9, 2.5], [1.0, 1.0, 3.0], 3)
    assert (first, third) == (1.0, 3.0)
    assert second != second  # not a number
