from typing import Any

import pytest

from benchmarks.conversation_figures import (
    MEANINGS,
    Round,
    barge_in_figures,
    interruptions,
    is_prewarm,
    round_figures,
    voice_figures,
)
from benchmarks.figures import Played
from benchmarks.recording import Recording
from clients.samples import Sample, SpokenWord, Utterance
from tests.benchmarks.test_segments import FINAL, LIGHTS, SET, STOPPED, partial, recording
from tests.llm_server import Exchange
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

STARTED = native.ReplyStartedMessage(seq=5, turn=1)
AHEAD = native.LatencyMessage(
    seq=9,
    turn=1,
    endpoint_ms=510,
    decode_ms=30,
    asked_ms=230,
    first_token_ms=512,
    first_audio_ms=700,
    attempts=1,
    speculative=True,
)
ANSWERED = recording((1710, STOPPED), (1711, FINAL), (1712, STARTED), (2000, AHEAD))
DELTA = native.ReplyDeltaMessage(seq=6, turn=1, text="so ")
CUT = native.ReplyDoneMessage(seq=7, turn=1, text="so ", reason=ReplyReason.INTERRUPTED)


def played(whole: Recording, *words: SpokenWord) -> Played:
    said = Utterance("", words[0].start_ms, words[-1].end_ms, words)
    return Played(Sample("x.wav", "clean", 6000, (said,)), whole)


def exchange(*, disconnected_s: float | None = None, **body: Any) -> Exchange:
    return Exchange(body, None, 1, 10.0, disconnected_s=disconnected_s)


def answered(received_s: float, first_token_s: float, text: str = "Set lights.") -> Exchange:
    """A request for the answer to `text`."""
    return Exchange({"messages": [{"content": text}]}, None, 1, received_s, first_token_s)


def test_latencies_and_requests_of_answers() -> None:
    requests = [exchange(max_tokens=1), exchange(disconnected_s=10.5), answered(11.44, 11.69)]
    figures = round_figures(Round([played(ANSWERED, SET, LIGHTS)], requests))
    assert figures["v2t_p50_ms"] == pytest.approx(512)
    assert figures["gateway_overhead_p50_ms"] == pytest.approx(1)  # the final was decoded ahead
    assert (figures["turns"], figures["calls_per_turn"], figures["ahead_percent"]) == (1, 2, 100)
    assert figures["wasted_requests"] == 1


def test_the_time_of_the_model_is_not_overhead_of_the_gateway() -> None:
    late = recording((1710, STOPPED), (1711, FINAL), (1810, STARTED), (2000, AHEAD))
    figures = round_figures(Round([played(late, SET, LIGHTS)], [answered(11.435, 11.805)]))
    assert figures["gateway_overhead_p50_ms"] == pytest.approx(100 - (230 + 370 - 510))


def test_the_time_of_the_model_is_that_of_the_answered_request() -> None:
    [segment], _ = played(ANSWERED, SET, LIGHTS).compared
    requests = [
        answered(11.1, 11.3),  # given up for the next one
        answered(11.44, 11.698),
        answered(11.45, 11.69, "Set the lights."),  # of another session
        answered(11.5, 11.75),  # shown to nobody yet
        exchange(max_tokens=1),
    ]
    assert Round([], requests).model_ms(segment) == pytest.approx(258)
    assert Round([], []).model_ms(segment) is None


def test_an_interruption_stops_the_reply_at_the_client_and_at_the_model() -> None:
    whole = recording((1000, DELTA), (1700, CUT), (1702, partial("wait")))
    one = played(whole, SpokenWord("wait", 1200, 1400))
    figures = barge_in_figures([one], [exchange(disconnected_s=11.722), exchange()])
    assert figures["interruptions"] == 1
    assert figures["barge_in_onset_p50_ms"] == pytest.approx(500)
    assert figures["barge_in_stop_p50_ms"] == pytest.approx(20)
    assert figures["barge_in_late_pieces"] == 0


def test_pieces_after_the_interruption_are_counted() -> None:
    whole = recording((1700, CUT), (1702, partial("wait")), (1800, DELTA))
    assert [stop.late_pieces for stop in interruptions(played(whole, SET))] == [1]


def test_the_time_to_the_first_reply_audio() -> None:
    assert voice_figures([played(ANSWERED, SET)])["first_audio_p50_ms"] == 700


def test_a_request_for_one_token_is_no_reply() -> None:
    assert is_prewarm(exchange(max_completion_tokens=1))
    assert not is_prewarm(exchange(max_tokens=300))


def test_every_meaning_belongs_to_a_figure() -> None:
    session = [played(ANSWERED, SET, LIGHTS)]
    figures = round_figures(Round(session, []))
    named = {*figures, *(f"waiting_{name}" for name in figures)}
    named |= {*barge_in_figures(session, []), *voice_figures(session)}
    assert {*MEANINGS} <= named
