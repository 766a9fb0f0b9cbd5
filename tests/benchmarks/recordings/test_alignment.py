from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.recordings.alignment import cut, joined, spoken_words, utterances
from benchmarks.recordings.stock import Piece, StockModel
from clients.samples import SpokenWord, sample_named
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper_options import WhisperOptions


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StockModel:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return StockModel(locate(BUNDLED), WhisperOptions(model=BUNDLED))


def word(text: str, start_ms: int, end_ms: int) -> SpokenWord:
    return SpokenWord(text, start_ms, end_ms)


def test_the_words_of_a_sample_are_aligned(model: StockModel) -> None:
    spoken = sample_named("command-2.wav")
    [said] = spoken.utterances
    found = spoken_words(spoken.path, said.text, "en", model)
    assert [one.word for one in found] == said.text.split()
    assert all(abs(one.end_ms - true.end_ms) <= 150 for one, true in zip(found, said.words, strict=True))


def test_alignments_are_cached_by_text(model: StockModel, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sample_named("yes-1.wav").path
    [found] = spoken_words(path, "Yes.", "en", model)
    monkeypatch.setattr(StockModel, "align", lambda *_: [])
    assert spoken_words(path, "Yes.", "en", model) == (found,)
    assert spoken_words(path, "No.", "en", model) == ()


def test_a_long_recording_is_cut_between_correct_words() -> None:
    said = [f"w{n}" for n in range(60)]
    heard = [word(f"w{n}", 1000 * n, 1000 * n + 800) for n in range(60)]
    heard[20] = word("w20", 20_000, 20_100)  # a long pause behind it
    parts = cut(said, heard, 60.0)
    assert parts[0] == (0, 21, 0.0, 20.55)
    assert all(one[1] == next_one[0] and one[3] == next_one[2] for one, next_one in pairwise(parts))
    assert all(end_s - begin_s <= 28 for _, _, begin_s, end_s in parts)
    assert parts[-1][1::2] == (60, 60.0)


def test_there_is_no_cut_next_to_a_wrong_word() -> None:
    said = [f"w{n}" for n in range(40)]
    heard = [word(f"w{n}" if n in {18, 19} else "x", 1000 * n, 1000 * n + 800) for n in range(40)]
    assert cut(said, heard, 40.0) == [(0, 19, 0.0, 18.9), (19, 40, 18.9, 40.0)]
    assert cut(said, heard[:18], 40.0) == []


def test_words_consist_of_pieces() -> None:
    pieces = [Piece("AT", 0, 1), Piece("&", 1, 2), Piece("T", 2, 3), Piece(",", 3, 4), Piece("yes", 5, 6)]
    assert joined(["AT&T,", "yes"], pieces) == [("AT&T,", 0, 4), ("yes", 5, 6)]
    assert joined(["AT&T,", "yes", "no"], pieces) == [("AT&T,", 0, 4), ("yes", 5, 6)]


def test_a_pause_ends_an_utterance() -> None:
    words = [word("Set", 0, 200), word("it.", 699, 900), word("Yes.", 1400, 1700)]
    first, second = utterances(words)
    assert (first.text, first.start_ms, first.end_ms) == ("Set it.", 0, 900)
    assert second.words == (words[2],)
    assert utterances([]) == ()
