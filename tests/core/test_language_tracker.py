import pytest

from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.core.language_tracker import LanguageTracker


@pytest.mark.parametrize("requested", ["", AUTO_LANGUAGE])
def test_a_language_is_kept_after_3_s_of_speech_in_a_row(requested: str) -> None:
    tracker = LanguageTracker(requested)
    tracker.learn("de", 2_999)
    assert tracker.requested == requested
    tracker.learn("de", 1)
    assert tracker.requested == "de"


def test_speech_in_another_language_starts_the_count_again() -> None:
    tracker = LanguageTracker(AUTO_LANGUAGE)
    for language, voiced_ms in (("de", 2_000), ("nl", 500), ("de", 2_000)):
        tracker.learn(language, voiced_ms)
    assert tracker.requested == AUTO_LANGUAGE
    assert tracker.run == ("de", 2_000)


def test_an_utterance_in_an_unknown_language_does_not_count() -> None:
    tracker = LanguageTracker(AUTO_LANGUAGE)
    tracker.learn("de", 2_000)
    tracker.learn("", 60_000)
    assert tracker.run == ("de", 2_000)


def test_a_language_that_was_requested_is_never_changed() -> None:
    tracker = LanguageTracker("en")
    tracker.learn("de", 60_000)
    assert tracker.requested == "en"
