import math

from benchmarks.realtime.events import Event, Session
from benchmarks.realtime.figures import commit_figures, common_figures, comparison_figures, items_of
from benchmarks.recording import Received, Recording
from tests.benchmarks.test_segments import FINAL
from voicegw.dialects import native

SAID = "conversation.item.input_audio_transcription"


def delta(at_s: float, text: str, item: str = "a") -> Event:
    return Event(at_s, f"{SAID}.delta", item, text)


def completed(at_s: float, text: str, item: str = "a") -> Event:
    return Event(at_s, f"{SAID}.completed", item, text)


def partial(stable: str, tentative: str) -> native.PartialMessage:
    return native.PartialMessage(seq=2, turn=FINAL.turn, stable=stable, tentative=tentative, audio_ms=0)


def session(*events: Event, committed_s: float | None = None) -> Session:
    return Session("x.wav", 100.0, committed_s, 0.002, events)


def test_deltas_together_are_the_transcript() -> None:
    kept = session(delta(101, "turn on"), delta(102, " the lights"), completed(102, "turn on the lights"))
    changed = session(delta(101, "turn off"), completed(102, "turn on"))
    figures = common_figures([kept, changed])
    assert (figures["items"], figures["changed_items"], figures["errors"]) == (2, 1, 0)
    assert common_figures([session(Event(1, "error"))])["errors"] == 1


def test_a_transcript_is_complete_by_its_last_delta() -> None:
    early = session(delta(110.2, "yes"), completed(110.3, "yes"), committed_s=110.0)
    late = session(
        delta(110.1, "yes"), delta(110.4, " please"), completed(110.4, "yes please"), committed_s=110
    )
    at_once = session(delta(110.01, "yes"), completed(110.01, "yes"), committed_s=110.0)
    figures = commit_figures([early, late, at_once, at_once])
    assert figures["commits"] == 4
    assert figures["commit_complete_percent"] == 75
    assert figures["commit_ready_percent"] == 50


def test_without_words_only_the_completed_event_ends_the_wait() -> None:
    assert commit_figures([session(completed(111, ""), committed_s=110.0)])["commit_complete_percent"] == 0


def test_the_first_response_after_a_transcript_is_its_own() -> None:
    answer = [Event(at_s, "response.output_text.delta", "r", "It") for at_s in (103.0, 103.1)]
    [item] = items_of(session(completed(102, "hello"), *answer))
    assert item.response_s == 103.0


def test_turns_are_compared_from_the_first_frame() -> None:
    messages = (
        Received(11.0, partial(stable="", tentative="turn")),
        Received(12.0, partial(stable="turn", tentative="on")),
        Received(13.0, FINAL),
        Received(14.0, native.ReplyStartedMessage(seq=9, turn=FINAL.turn)),
    )
    other = Recording("x.wav", 10.0, 0, 16_000, 0.0, messages)
    answer = Event(104.05, "response.output_text.delta", "r", "It")
    this = session(delta(102.01, "turn"), completed(103.02, "turn"), answer)
    figures = comparison_figures([(this, other)])
    assert figures["turns_compared"] == 1
    later = [figures[f"{name}_later_p50_ms"] for name in ("first_delta", "completed", "response")]
    assert [round(ms) for ms in later] == [10, 20, 50]


def test_sessions_with_other_turns_are_not_compared() -> None:
    other = Recording("x.wav", 10.0, 0, 16_000, 0.0, (Received(13.0, FINAL),))
    figures = comparison_figures([(session(), other)])
    assert figures["turns_compared"] == 0
    assert math.isnan(figures["completed_later_p50_ms"])
