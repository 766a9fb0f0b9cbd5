import json
import math
from pathlib import Path

import pytest

from benchmarks.recordings.accuracy import Transcribed, figures, streamed_text, write_texts
from benchmarks.recordings.material import Recorded
from tests.benchmarks.test_segments import FINAL, recording


def transcribed(
    text: str, streamed: str, offline: str = "", kind: str = "read", **fields: bool
) -> Transcribed:
    """Of one minute; without text, it has no speech."""
    recorded = Recorded(
        file="",
        condition="clean",
        duration_ms=60_000,
        utterances=(),
        language="en" if text else "",
        name=f"{kind}.wav",
        text=text,
        kind=kind,
        is_speech=bool(text),
        is_scored=fields.get("is_scored", bool(text)),
    )
    return Transcribed(recorded, streamed, offline)


def test_errors_are_of_whole_recordings_after_the_normaliser() -> None:
    whole = transcribed("twenty one apples", "Twenty one, apples.", "21 pears")
    assert (whole.errors.hits, whole.offline_errors.hits) == (3, 2)


def test_the_rates_are_pooled_and_the_gap_is_between_them() -> None:
    found = figures(
        [
            transcribed("ant bee cat dog", "ant bee fox", "ant bee cat dog"),
            transcribed("elk fly gnu hen", "elk elk fly gnu hen", "elk fly gnu"),
        ]
    )
    assert found["wer_percent"] == pytest.approx(100 * 3 / 8)
    assert found["wer_offline_percent"] == pytest.approx(100 * 1 / 8)
    assert found["wer_gap_points"] == pytest.approx(25)
    assert (found["insertions"], found["deletions"], found["substitutions"]) == (1, 1, 1)
    assert found["wer_worst_session_percent"] == 50


def test_each_kind_has_rates_of_its_own_if_there_are_several() -> None:
    found = figures(
        [
            transcribed("ant bee", "ant bee", "ant fox"),
            transcribed("ant bee", "ant", "ant bee", kind="command"),
        ]
    )
    assert (found["wer_read_percent"], found["wer_command_percent"]) == (0, 50)
    assert (found["wer_offline_read_percent"], found["wer_gap_read_points"]) == (50, -50)
    assert not any("_en_" in name for name in found)
    assert not any("read" in name for name in figures([transcribed("ant", "ant")]))


def test_an_inexact_text_is_not_scored_but_empty_recordings_are_counted() -> None:
    found = figures([transcribed("ant bee", "", "ant", is_scored=False), transcribed("ant bee", "", "")])
    assert found["wer_percent"] == 100
    assert found["deletions"] == 2
    assert found["empty_recordings"] == 1


def test_words_without_speech_are_made_up() -> None:
    found = figures(
        [transcribed("", "Thank you.", "you", kind="nonspeech"), transcribed("", "", kind="nonspeech")]
    )
    assert found["made_up_words_per_minute"] == 1
    assert found["made_up_words_offline_per_minute"] == 0.5
    assert math.isnan(found["wer_percent"])
    assert math.isnan(figures([transcribed("ant", "ant")])["made_up_words_per_minute"])


def test_the_streamed_text_is_all_finals() -> None:
    assert streamed_text(recording((900, FINAL))) == "Set lights."
    assert streamed_text(recording()) == ""


def test_texts_are_written_worst_first(tmp_path: Path) -> None:
    write_texts(
        [transcribed("ant", "ant", kind="good"), transcribed("ant", "bee", "ant", kind="bad")],
        tmp_path / "texts",
    )
    first, second = map(json.loads, (tmp_path / "texts").read_text().splitlines())
    assert (first["file"], first["errors"], first["offline_errors"]) == ("bad.wav", 1, 0)
    assert (first["said"], first["streamed"], first["offline"]) == ("ant", "bee", "ant")
    assert second["kind"] == "good"
