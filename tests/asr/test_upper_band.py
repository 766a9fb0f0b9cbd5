"""Audio that ends at 4 kHz gets an upper band; other audio stays as it is."""

import numpy as np
import pytest

from voicegw.asr.upper_band import Audio, with_upper_band
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.resample import Resampler


def tone(hertz: int, level: float = 8000) -> Audio:
    """A second of it."""
    return np.asarray(level * np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE), np.float32)


def level_at(audio: Audio, hertz: int) -> float:
    """In audio of a second."""
    return float(2 * np.abs(np.fft.rfft(audio))[hertz] / SAMPLE_RATE)


def test_the_band_of_a_line_is_mirrored_above_it_and_stays_as_it_is() -> None:
    filled = with_upper_band(tone(1000))
    assert level_at(filled, 1000) == pytest.approx(8000, rel=0.001)
    assert 20 * np.log10(level_at(filled, 7000) / 8000) == pytest.approx(-15, abs=0.1)


def test_noise_of_a_line_is_found_to_be_narrow_after_the_resampler() -> None:
    noise = np.random.default_rng(1).normal(0, 2000, 8000).astype(np.int16)
    line = Resampler(8000, SAMPLE_RATE).push(noise).astype(np.float32)
    filled = with_upper_band(line)
    power = np.abs(np.fft.rfft(filled)) ** 2
    assert 10 * np.log10(power[4500:].sum() / power[:3500].sum()) == pytest.approx(-15, abs=0.5)


def test_audio_with_sounds_above_4_khz_is_not_changed() -> None:
    audio = tone(1000) + tone(6000, 80)
    assert with_upper_band(audio) is audio


@pytest.mark.parametrize("samples", [0, 1, SAMPLE_RATE])
def test_silence_stays_silence(samples: int) -> None:
    assert not with_upper_band(np.zeros(samples, np.float32)).any()
