import random

import pytest

from models.training import festival
from models.training.voices import (
    Speaker,
    Voice,
    draw_festival_voice,
    draw_voice,
)

_TEXT = "Set a timer, please."


@pytest.mark.parametrize("held_out", [False, True])
def test_the_evaluation_needs_no_festival(held_out: bool) -> None:
    rng = random.Random(1)
    assert {draw_voice(rng, held_out).engine for _ in range(500)} == {"espeak", "flite"}


def test_all_voices_of_festival_are_drawn() -> None:
    rng = random.Random(1)
    assert {draw_festival_voice(rng).name for _ in range(100)} == festival.VOICES.keys()


@pytest.mark.parametrize(
    "voice", [Voice("flite", "rms", 1.0, 1.0, 50), Voice("espeak", "en-us+f4", 1.0, 1.0, 50)]
)
def test_other_voices_speak_without_festival(monkeypatch: pytest.MonkeyPatch, voice: Voice) -> None:
    monkeypatch.setattr(festival, "PROGRAM", "festival-not-there")
    speaker = Speaker()
    assert speaker.speak(_TEXT, voice) is not None
    with pytest.raises(FileNotFoundError, match="apt-get install festival"):
        speaker.speak(_TEXT, Voice("festival", "ked", 1.0, 1.0, 50))
