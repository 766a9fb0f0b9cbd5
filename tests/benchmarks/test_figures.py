import math

import msgspec
import pytest

from benchmarks.figures import MEANINGS, Played, accuracy_figures, timing_figures
from benchmarks.measures import WordErrors
from benchmarks.recording import Received, Recording
from clients.samples import Sample, SpokenWord, Utterance
from tests.benchmarks.test_segments import FINAL, LIGHTS, SET, WHOLE, partial, recording

LATE = SpokenWord("please", 5000, 5300)
NAMED = {  # what other tools look for
    *("ttfp_p50_ms", "ttfp_p95_ms", "wel_p50_ms", "wel_p95_ms", "wel_stable_p50_ms", "excess_fl_p50_ms"),
    *("excess_fl_p95_ms", "v2t_p50_ms", "upwr", "stable_retractions", "wer_percent", "lost_samples"),
}


def played(whole: Recording, *words: SpokenWord) -> Played:
    text = " ".join(word.word for word in words)
    return Played(Sample("x.wav", "clean", 6000, (Utterance(text, 0, 6000, words),)), whole)


def test_every_figure_has_its_name() -> None:
    session = [played(WHOLE, SET, LIGHTS)]
    named = {*timing_figures(session, 500, 100), *accuracy_figures(session)}
    assert named >= NAMED
    assert {name for name in MEANINGS if name not in named} == {
        "wer_offline_percent",
        "wer_gap_points",
        "cpu_s_per_audio_s",
        "gateway_cpu_s_per_audio_s",
    }


def test_latencies_less_what_was_configured() -> None:
    figures = timing_figures([played(WHOLE, SET, LIGHTS)], end_silence_ms=500, llm_first_token_ms=100)
    assert figures["fl_p50_ms"] == pytest.approx(560)
    assert figures["excess_fl_p50_ms"] == pytest.approx(60)
    assert figures["v2t_p50_ms"] == pytest.approx(700)
    assert figures["v2t_less_llm_p50_ms"] == pytest.approx(600)
    assert figures["decode_p50_ms"] == 30


def test_percentiles_are_over_all_sessions_together() -> None:
    slow = msgspec.structs.replace(
        WHOLE, received=tuple(Received(r.at_s + 1, r.message) for r in WHOLE.received)
    )
    both = [played(WHOLE, SET, LIGHTS), played(slow, SET, LIGHTS)]
    assert timing_figures(both, 500, 100)["ttfp_p50_ms"] == pytest.approx(900)


def test_errors_are_pooled_and_the_worst_session_named() -> None:
    good = played(WHOLE, SET, LIGHTS)
    bad = played(recording((1760, msgspec.structs.replace(FINAL, text="Set"))), SET, LIGHTS)
    figures = accuracy_figures([good, bad])
    assert (figures["wer_percent"], figures["wer_worst_session_percent"]) == (25, 50)
    assert figures["coverage_percent"] == 75


def test_a_missed_word_is_a_deletion() -> None:
    session = played(WHOLE, SET, LIGHTS, LATE)
    assert session.errors == WordErrors(deletions=1, reference=3)
    assert accuracy_figures([session])["missed_words"] == 1


def test_stability_is_per_final_word() -> None:
    figures = accuracy_figures([played(WHOLE, SET, LIGHTS)])
    assert (figures["upwr"], figures["upsr"], figures["partials_per_turn"]) == (1, 1, 3)


def test_a_session_without_recognised_words() -> None:
    figures = accuracy_figures([played(recording((900, partial("set"))), SET)])
    assert figures["wer_percent"] == 100
    assert math.isnan(figures["upwr"])
