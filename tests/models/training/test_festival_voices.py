import numpy as np
import pytest

from models.training import festival
from models.training.voices import SAMPLE_RATE, Speaker, Utterance, Voice

_TEXT = "Set a timer, please."


def _spoken(voice: Voice, text: str = _TEXT) -> Utterance | None:
    return Speaker().speak(text, voice)


@pytest.mark.parametrize("name", festival.VOICES)
class TestVoice:
    def test_an_utterance_is_cut_to_its_speech(self, name: str) -> None:
        utterance = _spoken(Voice("festival", name, 1.0, 1.0, 50))
        assert utterance is not None
        assert utterance.voice == f"festival:{name}"
        assert 0.6 < len(utterance.samples) / SAMPLE_RATE < 2
        assert utterance.word_starts[0] < 0.06 * SAMPLE_RATE
        assert utterance.word_ends[-1] > len(utterance.samples) - 0.2 * SAMPLE_RATE
        assert (utterance.word_starts < utterance.word_ends).all()
        assert np.abs(utterance.samples).max() == pytest.approx(20000, rel=0.05)

    def test_the_same_voice_says_the_same(self, name: str) -> None:
        first, second = (_spoken(Voice("festival", name, 0.9, 1.1, 30)) for _ in range(2))
        assert first is not None
        assert second is not None
        assert np.array_equal(first.samples, second.samples)
        assert first.phones == second.phones

    def test_a_text_without_words_is_none(self, name: str) -> None:
        assert _spoken(Voice("festival", name, 1.0, 1.0, 50), "") is None
