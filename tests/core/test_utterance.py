from typing import Any

import pytest

from tests.core.scenario import spoken
from voicegw.core.jobs import DecodeKind, DecodeResult, text_of
from voicegw.core.utterance import RecognitionOptions, Utterance

INTERVAL = 1000
OPTIONS = RecognitionOptions()
PARTIAL, FINAL = DecodeKind.PARTIAL, DecodeKind.FINAL


@pytest.fixture
def utterance() -> Utterance:
    """Voiced from sample 5000 to 6000 so far."""
    return Utterance(1, start=200, window_start=200, speech_start=200, speech_end=6000, decoded_until=5000)


def hear(utterance: Utterance, kind: DecodeKind, until: int, text: str) -> None:
    utterance.receive(DecodeResult("s", 1, spoken(text)), kind, until, OPTIONS)


def words(utterance: Utterance) -> str:
    return text_of(utterance.words())


def test_a_partial_is_due_after_an_interval_of_new_audio(utterance: Utterance) -> None:
    assert utterance.due(5999, INTERVAL) is None
    assert utterance.due(6000, INTERVAL) is PARTIAL
    hear(utterance, PARTIAL, 6000, "hello")
    utterance.speech_end = 6500
    assert utterance.due(6999, INTERVAL) is None
    assert utterance.due(7000, INTERVAL) is PARTIAL


def test_its_language_is_that_of_its_last_decode_with_words(utterance: Utterance) -> None:
    for text, language in (("hallo", "nl"), ("hallo du", "de"), ("", "en")):
        result = DecodeResult("s", 1, spoken(text), language=language)
        utterance.receive(result, PARTIAL, 6000, OPTIONS)
    assert utterance.language == "de"


def test_no_partial_is_due_of_silence(utterance: Utterance) -> None:
    hear(utterance, PARTIAL, 6000, "hello")
    assert utterance.due(9000, INTERVAL) is None


def test_a_final_is_due_at_a_pause_once(utterance: Utterance) -> None:
    utterance.paused = True
    assert utterance.due(6100, INTERVAL) is FINAL
    hear(utterance, FINAL, 6100, "hello")
    assert utterance.due(6500, INTERVAL) is None
    assert not utterance.complete


def test_the_final_at_the_pause_is_enough_without_further_speech(utterance: Utterance) -> None:
    hear(utterance, FINAL, 6100, "hello")
    utterance.end = 9000
    assert utterance.complete
    assert utterance.due(9000, INTERVAL) is None
    assert words(utterance) == "hello"


def test_it_is_not_complete_when_speech_continued(utterance: Utterance) -> None:
    hear(utterance, FINAL, 6100, "hello")
    utterance.speech_end, utterance.end = 7000, 9000
    assert not utterance.complete
    assert utterance.due(9000, INTERVAL) is FINAL
    hear(utterance, FINAL, 9000, "hello there")
    assert utterance.complete
    assert words(utterance) == "hello there"


def test_a_partial_never_completes_an_utterance(utterance: Utterance) -> None:
    utterance.end = 6000
    hear(utterance, PARTIAL, 6000, "hello")
    assert not utterance.complete


def test_a_failed_partial_is_requested_again_after_an_interval(utterance: Utterance) -> None:
    utterance.receive_failure(PARTIAL, 6000)
    utterance.speech_end = 8000
    assert utterance.due(6500, INTERVAL) is None
    assert utterance.due(7000, INTERVAL) is PARTIAL
    assert not utterance.failed


def test_a_failed_final_keeps_the_stable_words(utterance: Utterance) -> None:
    hear(utterance, PARTIAL, 5500, "turn the light")
    hear(utterance, PARTIAL, 6000, "turn the lights on")
    utterance.end = 9000
    utterance.receive_failure(FINAL, 9000)
    assert utterance.failed
    assert utterance.complete
    assert utterance.due(9000, INTERVAL) is None
    assert words(utterance) == "turn the"


def test_a_failed_final_keeps_the_words_of_the_final_at_the_last_pause(utterance: Utterance) -> None:
    hear(utterance, FINAL, 6100, "turn the lights on")
    utterance.speech_end, utterance.end = 7000, 9000
    utterance.receive_failure(FINAL, 9000)
    assert utterance.failed
    assert words(utterance) == "turn the lights on"


def test_a_failed_final_at_a_pause_is_dropped_when_speech_continues(utterance: Utterance) -> None:
    utterance.receive_failure(FINAL, 6100)
    assert utterance.failed
    utterance.speech_end, utterance.end = 7000, 9000
    assert not utterance.failed
    assert utterance.due(9000, INTERVAL) is FINAL


def long_running(text: str) -> Utterance:
    """An utterance in which these words are stable but the last, decoded up to sample 60,000."""
    running = Utterance(1, start=0, window_start=0, speech_start=0, speech_end=60_000, decoded_until=0)
    for until in (59_000, 60_000):
        running.receive(DecodeResult("s", 1, spoken(text)), PARTIAL, until, OPTIONS)
    return running


def test_a_long_window_is_trimmed_after_stable_words() -> None:
    running = long_running("a b c d e f")
    running.trim(longest=60_000)
    assert (running.window_start, running.hypothesis.prompt) == (0, "")
    running.trim(longest=50_000)
    assert (running.window_start, running.hypothesis.prompt) == (3200, "a b")


def test_a_window_with_little_stable_text_stays_whole() -> None:
    running = long_running("a b")
    running.trim(longest=50_000)
    assert running.window_start == 0


@pytest.mark.parametrize("over", [{"paused": True}, {"end": 60_000}])
def test_a_final_is_decoded_from_the_window_of_its_partials(over: dict[str, Any]) -> None:
    running = long_running("a b c d e f")
    for name, value in over.items():
        setattr(running, name, value)
    running.trim(longest=50_000)
    assert running.window_start == 0
