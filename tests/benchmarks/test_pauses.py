from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.pauses import WAIT_MS, curve, figures_of, finished, sentences
from benchmarks.recordings.alignment import utterances
from benchmarks.recordings.material import Recorded
from benchmarks.recordings.stock import read_audio
from clients.samples import SpokenWord
from tests.benchmarks.test_segments import FINAL, STOPPED, recording
from tests.benchmarks.test_turns import finals, played
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.endpoint import EndpointOptions

SET, LIGHTS = SpokenWord("Set", 400, 700), SpokenWord("lights.", 800, 1200)
THANKS = SpokenWord("Thanks", 1300, 1700)


def spoken(*words: SpokenWord, file: str = "", duration_ms: int = 2000) -> Recorded:
    return Recorded(
        file=file,
        condition="clean",
        duration_ms=duration_ms,
        utterances=utterances(words),
        name="x",
        text="",
        kind="read",
        is_speech=True,
        is_scored=True,
    )


def written(path: Path, *words: SpokenWord) -> Recorded:
    """A recording in which words are tones, and the room hums softly."""
    duration_ms = words[-1].end_ms + 500
    level = np.full(duration_ms * SAMPLE_RATE // 1000, 0.001)
    for word in words:
        level[word.start_ms * 16 : word.end_ms * 16] = 0.5
    tone = level * np.sin(np.arange(len(level)) * 0.3)
    soundfile.write(path, tone, SAMPLE_RATE)
    return spoken(*words, file=str(path), duration_ms=duration_ms)


class TestSentences:
    def test_end_at_a_full_stop_with_a_pause(self) -> None:
        assert [said.text for said in sentences([SET, LIGHTS, THANKS])] == ["Set lights.", "Thanks"]

    def test_do_not_end_without_either(self) -> None:
        at_once = SpokenWord("Thanks", 1299, 1700)
        assert [said.text for said in sentences([SET, LIGHTS, at_once])] == ["Set lights. Thanks"]
        assert sentences([]) == []


class TestFinished:
    def test_puts_the_rooms_silence_behind_each_sentence(self, tmp_path: Path) -> None:
        with finished([written(tmp_path / "x.flac", SET, LIGHTS, THANKS)]) as [sample]:
            audio = np.abs(read_audio(sample.path))
        assert len(audio) == (2200 + 2 * WAIT_MS) * 16
        assert sample.duration_ms == 2200 + 2 * WAIT_MS
        assert [said.words[0].start_ms for said in sample.utterances] == [400, 1300 + WAIT_MS]
        assert audio[1300 * 16 : (1200 + WAIT_MS) * 16].max() == pytest.approx(0.001, abs=2e-4)
        assert audio[(1300 + WAIT_MS) * 16 : (1400 + WAIT_MS) * 16].max() > 0.4

    def test_leaves_out_long_texts_without_full_stops_and_what_has_no_words(self, tmp_path: Path) -> None:
        late = SpokenWord("tea", 15_500, 15_900)
        with finished([spoken(SET, late), spoken()]) as samples:
            assert samples == []


class TestFigures:
    def test_a_sentence_in_one_turn(self) -> None:
        found = figures_of([played(recording((1710, STOPPED), (1711, FINAL)), (SET, LIGHTS))])
        assert found["delay_p50_ms"] == pytest.approx(510)
        assert (found["false_cutoffs_percent"], found["ends"], found["pauses"]) == (0, 1, 1)

    def test_a_pause_that_ends_a_turn_is_a_false_cutoff_and_no_end(self) -> None:
        found = figures_of([played(finals((300, 750), (750, 1300)), (SET, LIGHTS))])
        assert (found["false_cutoffs_percent"], found["ends"]) == (100, 0)

    def test_a_gap_that_is_no_pause_does_not_count(self) -> None:
        near = SpokenWord("lights.", 799, 1200)
        assert figures_of([played(finals((300, 1300)), (SET, near))])["pauses"] == 0


def test_the_curve_uses_the_model_if_it_is_installed() -> None:
    base = EndpointOptions()
    without, with_model = list(curve(base, with_model=False)), list(curve(base, with_model=True))
    assert not any(listens for _, _, listens in without)
    assert [point for point in with_model if not point[2]] == without
    assert (
        "400 / 500 / 1000 ms by the words and the model, from 0.9",
        replace(base, min_end_silence_ms=400, likely_end=0.9),
        True,
    ) in (with_model)
