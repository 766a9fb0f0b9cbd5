import numpy as np
import pytest

from tests.core.scenario import spoken
from voicegw.core.audio import WINDOW_SAMPLES, Pcm, to_samples
from voicegw.core.split_point import quietest_gap

START = 16_000


def loud_but_for(*quiet_ms: tuple[int, int, int], length_ms: int = 1000) -> Pcm:
    """Noise with quieter stretches: begin, end and level of each."""
    audio = np.random.default_rng(0).normal(0, 3000, to_samples(length_ms))
    for begin, end, level in quiet_ms:
        audio[to_samples(begin) : to_samples(end)] *= level / 3000
    return audio.astype(np.int16)


def place_ms(words: str, audio: Pcm) -> float:
    """Where the cut is, in ms from the begin of the audio; words of 100 ms each."""
    return (quietest_gap(spoken(words, START), audio, START) - START) / 16


def test_it_is_the_quietest_place() -> None:
    assert 300 <= place_ms("", loud_but_for((300, 400, 10), (700, 800, 100))) < 400


def test_the_pause_within_a_word_is_none() -> None:
    audio = loud_but_for((480, 520, 300), (800, 900, 10))
    assert 440 <= place_ms("one two three four five", audio) < 520


def test_it_is_a_whole_number_of_windows_away() -> None:
    assert quietest_gap((), loud_but_for((500, 600, 1)), START) % WINDOW_SAMPLES == START % WINDOW_SAMPLES


def test_it_is_at_neither_end_only_because_audio_ends_there() -> None:
    assert 400 <= place_ms("", loud_but_for((400, 600, 2600))) < 600


@pytest.mark.parametrize("words", ["", "one two"])
@pytest.mark.parametrize("windows", [1, 2])
def test_there_is_one_in_the_shortest_audio(words: str, windows: int) -> None:
    assert 0 <= place_ms(words, loud_but_for(length_ms=20 * windows)) < 20 * windows
