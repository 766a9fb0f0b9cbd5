import numpy as np
import pytest

from benchmarks.noisy_speech import (
    NEVER_MS,
    SPEECH_DBFS,
    Signal,
    at_level,
    delays_ms,
    noise,
    read_speech,
    scores,
    share,
)
from tests.speech import single_utterances
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES, Pcm


class Loudness:
    """Scores by level alone."""

    def score(self, window: Pcm) -> float:
        return float(np.abs(window / 32768).max())


def level_dbfs(signal: Signal) -> float:
    return float(10 * np.log10(np.mean(signal**2)))


def test_the_words_have_the_level() -> None:
    speech = read_speech(single_utterances()[:2])
    words = speech.signal[np.repeat(speech.in_word, WINDOW_SAMPLES)]
    assert level_dbfs(words) == pytest.approx(SPEECH_DBFS, abs=0.1)
    assert not (speech.in_word & speech.silent).any()


def test_utterances_are_concatenated() -> None:
    first, second = single_utterances()[:2]
    speech, alone = read_speech([first, second]), read_speech([first])
    begin_ms = len(alone.in_word) * WINDOW_MS
    assert speech.utterances[0] == alone.utterances[0]
    assert speech.utterances[1][0] == begin_ms + second.utterances[0].start_ms
    assert speech.in_word[int(speech.utterances[1][0]) // WINDOW_MS + 1]


@pytest.mark.parametrize("color", ["white", "pink"])
def test_noise_has_its_level_and_depends_on_its_seed(color: str) -> None:
    assert level_dbfs(noise(color, -30, 1)) == pytest.approx(-30)
    assert np.array_equal(noise(color, -30, 1), noise(color, -30, 1, seed=1))
    assert not np.array_equal(noise(color, -30, 1), noise(color, -30, 1, seed=2))


def test_pink_noise_falls_by_3_db_an_octave() -> None:
    power = np.abs(np.fft.rfft(noise("pink", -20, 10))) ** 2
    low, high = power[5_000:10_000].mean(), power[20_000:40_000].mean()
    assert 10 * np.log10(low / high) == pytest.approx(6, abs=0.5)


def test_the_noise_has_the_requested_snr() -> None:
    speech = read_speech(single_utterances()[:1])
    added = speech.in_noise("white", 10) - speech.signal
    assert level_dbfs(added) == pytest.approx(SPEECH_DBFS - 10)


def test_a_signal_is_scored_by_whole_windows_and_clipped() -> None:
    signal = np.concatenate([np.full(WINDOW_SAMPLES, 0.25), np.full(WINDOW_SAMPLES, -2.0), [0.9]])
    assert scores(signal, Loudness()).tolist() == [0.25, 1.0]


def test_the_level_can_be_that_of_a_part() -> None:
    signal = np.concatenate([np.ones(10), np.zeros(SAMPLE_RATE)])
    assert at_level(signal, -20, signal[:10])[0] == pytest.approx(0.1)


def test_delays_end_at_the_end_of_the_deciding_window() -> None:
    heard = np.array([False, False, True, True, False])
    onsets, tails = delays_ms(heard, [(30.0, 70.0)])
    assert (onsets.tolist(), tails.tolist()) == ([30.0], [30.0])


def test_a_missing_transition_has_the_maximum_delay() -> None:
    onsets, tails = delays_ms(np.array([False] * 5), [(30.0, 70.0)])
    assert (onsets.tolist(), tails.tolist()) == ([NEVER_MS], [10.0])
    assert share(np.array([True, False])) == 0.5
