from itertools import islice
from math import inf
from random import Random

import pytest

from benchmarks.sizing.speech import Talker, speech_figures
from clients.samples import SpokenWord, Utterance
from tests.benchmarks.sizing.figures import constant, measured


def talker(talk: float = 0.3, **figures: float) -> Talker:
    return Talker(measured(**figures), talk, Random(1))


def test_an_utterance_has_words_at_the_measured_rate_and_a_pause_after_it() -> None:
    said = talker().utterance()
    assert said.word_ends == pytest.approx([2 * (number + 1) / 6 for number in range(6)])
    assert said.pauses == [(2.0, inf)]


def test_pauses_come_as_often_as_measured_and_end_before_the_utterance() -> None:
    speaker = talker(pauses_per_speech_s=0.5, **constant("utterance", 10_000))
    pauses = [pause for _ in range(300) for pause in speaker.utterance().pauses[:-1]]
    assert len(pauses) / 3000 == pytest.approx(0.5, rel=0.1)
    assert all(end - start == pytest.approx(0.2) and end < 10 for start, end in pauses)


@pytest.mark.parametrize("talk", [0.1, 0.3, 0.8])
def test_callers_speak_for_their_share_of_the_time(talk: float) -> None:
    speaker = talker(talk)
    silent_s = sum(islice(iter(speaker.silence_s, None), 3000))
    assert 6000 / (6000 + silent_s) == pytest.approx(talk, rel=0.05)


def test_who_always_talks_is_never_silent() -> None:
    assert talker(1.0).silence_s() == 0


def test_the_figures_of_real_utterances() -> None:
    words = [("a", 0, 300), ("b", 500, 800), ("c", 850, 1000)]
    said = Utterance("a b c", 0, 1000, tuple(SpokenWord(*word) for word in words))
    found = speech_figures([said, said], pause_ms=160)
    assert found["words_per_speech_s"] == 3
    assert found["pauses_per_speech_s"] == 1
    assert found["utterance_p50_ms"] == 1000
    assert found["pause_p50_ms"] == 200
