import msgspec
import pytest

from benchmarks.measures import WordErrors
from benchmarks.recording import Received, Recording
from benchmarks.segments import Segment, Timings, accuracy, segments, timings
from clients.samples import SpokenWord
from voicegw.core.events import EndReason
from voicegw.dialects import native

SET, LIGHTS = SpokenWord("Set", 400, 700), SpokenWord("lights.", 800, 1200)
STOPPED = native.SpeechStoppedMessage(seq=3, turn=1, at_ms=1200, reason=EndReason.SILENCE)
FINAL = native.FinalMessage(seq=4, turn=1, text="Set lights.", words=[], start_ms=200, end_ms=1700)
LATENCY = native.LatencyMessage(seq=9, turn=1, decode_ms=30)


def partial(tentative: str) -> native.PartialMessage:
    return native.PartialMessage(seq=2, turn=1, stable="", tentative=tentative, audio_ms=0)


def recording(*items: tuple[int, native.ServerMessage]) -> Recording:
    """A session that began at second 10; messages with their arrival in ms after that."""
    received = tuple(Received(10 + at_ms / 1000, message) for at_ms, message in items)
    return Recording("x.wav", 10.0, 0, 16_000, 0.0, received)


WHOLE = recording(
    (800, partial("let")),
    (1000, partial("set")),
    (1300, partial("set light")),
    (1710, STOPPED),
    (1760, FINAL),
    (1900, native.ReplyStartedMessage(seq=5, turn=1)),
    (2000, LATENCY),
)


def segment_of(whole: Recording, *words: SpokenWord) -> Segment:
    [found], missed = segments(whole, words)
    assert missed == []
    return found


def test_the_latencies_of_a_segment() -> None:
    measured = timings(segment_of(WHOLE, SET, LIGHTS), llm_first_token_ms=100)
    assert measured.first_words == pytest.approx(400)
    assert measured.first_correct == pytest.approx(600)
    assert measured.words == pytest.approx((300, 560))
    assert measured.words_stable == pytest.approx((300, 560))
    assert (measured.endpoint, measured.final, measured.first_token) == pytest.approx((510, 560, 700))
    assert measured.settling == pytest.approx(560 - 510)
    assert measured.overhead == pytest.approx(1900 - 1710 - 30 - 100)


def test_a_decode_before_the_endpoint_is_not_subtracted_from_the_overhead() -> None:
    token = native.ReplyStartedMessage(seq=5, turn=1)
    whole = recording((1710, STOPPED), (1711, FINAL), (1820, token), (1900, LATENCY))
    early = timings(segment_of(whole, SET, LIGHTS), llm_first_token_ms=100)
    assert early.overhead == pytest.approx(1820 - 1710 - 1 - 100)


def test_without_the_time_of_the_model_there_is_no_overhead() -> None:
    measured = timings(segment_of(WHOLE, SET, LIGHTS), llm_first_token_ms=None)
    assert measured.first_token == pytest.approx(700)
    assert measured.overhead is None


def test_a_word_that_is_wrong_has_no_latency_and_is_an_error() -> None:
    wrong = msgspec.structs.replace(FINAL, text="Set light.")
    segment = segment_of(recording((1760, wrong)), SET, LIGHTS)
    assert len(timings(segment, 0).words) == 1
    assert accuracy(segment).errors == WordErrors(substitutions=1, reference=2)


def test_the_accuracy_of_a_segment() -> None:
    measured = accuracy(segment_of(WHOLE, SET, LIGHTS))
    assert (measured.final_words, measured.unstable, measured.retractions) == (2, 2, 0)
    assert measured.errors == WordErrors(reference=2)


def test_a_turn_that_silence_did_not_end_has_no_final_latency() -> None:
    ended = msgspec.structs.replace(STOPPED, reason=EndReason.END)
    measured = timings(segment_of(recording((1210, ended), (1230, FINAL)), SET, LIGHTS), 0)
    assert (measured.endpoint, measured.final, measured.overhead) == (None, None, None)
    assert len(measured.words) == 2


def test_a_turn_without_speech_has_no_latencies_but_its_words_are_insertions() -> None:
    segment = segment_of(WHOLE)
    assert timings(segment, 0) == Timings()
    assert accuracy(segment).errors == WordErrors(insertions=2)


def test_a_word_outside_of_every_turn_is_missed() -> None:
    late = SpokenWord("please", 1700, 2000)
    found, missed = segments(WHOLE, [SET, LIGHTS, late])
    assert found[0].words == (SET, LIGHTS)
    assert missed == [late]
    assert segments(recording(), [SET]) == ([], [SET])


def test_a_split_utterance_shares_its_words_by_time() -> None:
    first = msgspec.structs.replace(FINAL, text="Set", end_ms=850)
    second = msgspec.structs.replace(FINAL, turn=2, text="lights", start_ms=850)
    found, _ = segments(recording((900, first), (1700, second)), [SET, LIGHTS])
    assert [segment.words for segment in found] == [(SET,), (LIGHTS,)]
    assert all(accuracy(segment).errors == WordErrors(reference=1) for segment in found)
