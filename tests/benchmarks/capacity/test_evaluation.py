import math
import os
from dataclasses import replace

import msgspec
import pytest

from benchmarks.capacity.evaluation import figures, is_disturbed, lacks_cpu, overload_figures, shortfalls
from benchmarks.capacity.load import Cpu
from benchmarks.capacity.speaker import Spoken
from tests.benchmarks.capacity.spoken import run, spoken

HELD = {"wel_p95_ms": 1000.0, "excess_fl_p95_ms": 500.0, "lost_samples": 0, "errors": 0, "refused": 0}


def test_latencies_are_from_the_end_of_words_and_turns() -> None:
    found = figures([run(spoken(6_000, 9_000))], end_silence_ms=500)
    assert found["wel_p95_ms"] == pytest.approx(600)  # "good" ended 500 ms before "morning"
    assert found["wel_p50_ms"] == pytest.approx(350)
    assert found["excess_fl_p95_ms"] == pytest.approx(300)
    assert found["coverage_percent"] == 100
    assert not shortfalls(found)


@pytest.mark.parametrize("begin_ms", [4_500, 14_500])
def test_turns_outside_of_steady_state_are_not_evaluated(begin_ms: int) -> None:
    inside = spoken(6_000)
    found = figures([run(inside, spoken(begin_ms))], end_silence_ms=500)
    assert found["coverage_percent"] == 100
    assert math.isnan(figures([run(spoken(begin_ms))], end_silence_ms=500)["wel_p50_ms"])


def test_costs_are_per_second_of_audio_in_steady_state() -> None:
    found = figures([run(spoken(6_000), spoken(6_000, length_ms=10_000))], end_silence_ms=500)
    assert found["cpu_s_per_audio_s"] == pytest.approx(3 / 15)
    assert found["gateway_cpu_s_per_audio_s"] == pytest.approx(1 / 15)
    assert found["client_cpu_s_per_audio_s"] == pytest.approx(0.5 / 15)
    assert found["speech_percent"] == pytest.approx(100 * 2 / 15)


def test_a_word_without_a_turn_is_not_covered() -> None:
    whole = spoken(6_000, 9_000)
    assert whole.recording is not None
    first_only = msgspec.structs.replace(whole.recording, received=spoken(6_000).recording.received)  # type: ignore[union-attr]
    found = figures([run(msgspec.structs.replace(whole, recording=first_only))], end_silence_ms=500)
    assert found["coverage_percent"] == 50


def test_words_that_were_not_sent_are_not_missed() -> None:
    cut = msgspec.structs.replace(spoken(6_000, length_ms=8_000), utterances=spoken(6_000, 9_000).utterances)
    assert figures([run(cut)], end_silence_ms=500)["coverage_percent"] == 100


def test_broken_and_refused_sessions_are_counted() -> None:
    broken = msgspec.structs.replace(spoken(6_000), failure="the connection broke")
    never = Spoken(refusals_ms=(3.0, 5.0))
    found = figures([run(broken, never, Spoken(failure="nobody answers"))], end_silence_ms=500)
    assert (found["errors"], found["refused"]) == (2, 1)
    assert shortfalls(found) == ["2 errors", "1 refused"]


def test_without_words_the_objective_is_missed() -> None:
    assert len(shortfalls(figures([run(Spoken())], end_silence_ms=500))) == 3


@pytest.mark.parametrize(
    ("figure", "value", "said"),
    [
        ("wel_p95_ms", 1001.0, "word p95 1001 ms"),
        ("excess_fl_p95_ms", 501.0, "final p95 501 ms"),
        ("excess_fl_p95_ms", math.nan, "final p95 nan ms"),
        ("lost_samples", 320, "320 samples lost"),
        ("errors", 1, "1 errors"),
    ],
)
def test_the_objective_has_sharp_edges(figure: str, value: float, said: str) -> None:
    assert shortfalls(HELD) == []
    assert shortfalls({**HELD, figure: value}) == [said]


def test_late_clients_are_noticed() -> None:
    late = msgspec.structs.replace(spoken(6_000), late_ms=(25.0,) * 100)
    assert not lacks_cpu(figures([run(spoken(6_000))], end_silence_ms=500))
    assert lacks_cpu(figures([run(late)], end_silence_ms=500))


def test_a_disturbed_run_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    quiet = run(spoken(6_000))
    disturbed = replace(quiet, cpu=replace(quiet.cpu, machine_s=10.0))
    found = [figures([one], end_silence_ms=500) for one in (quiet, disturbed)]
    assert [one["others_cpu_percent"] for one in found] == pytest.approx([2.5, 32.5])
    assert [is_disturbed(one) for one in found] == [False, True]


def test_runs_are_pooled() -> None:
    slower = replace(run(spoken(6_000)), cpu=Cpu(3.0, 4.0, 0.0, 8.0))
    found = figures([run(spoken(6_000)), slower], end_silence_ms=500)
    assert found["cpu_s_per_audio_s"] == pytest.approx(10 / 20)


def test_overload_is_about_the_admitted_and_every_refusal() -> None:
    later = msgspec.structs.replace(spoken(9_000), refusals_ms=(10.0,))
    found = overload_figures(run(spoken(6_000), later, Spoken(refusals_ms=(10.0, 30.0))), 500)
    assert (found["overload_streams"], found["overload_refused"], found["refusals"]) == (3, 1, 3)
    assert found["overload_excess_fl_p95_ms"] == pytest.approx(300)
    assert found["refusal_p95_ms"] == pytest.approx(28)
