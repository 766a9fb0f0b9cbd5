"""Conversion measured with tones, and the count and piece-by-piece promises as properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicegw.core.resample import Resampler

OUT = 16_000
RATES = st.sampled_from([8_000, 24_000, 48_000])
SIZES = st.lists(st.integers(0, 700), max_size=8)
AMPLITUDE = 10_000.0


def tone(hertz: float, rate: int, seconds: float = 0.5) -> NDArray[np.int16]:
    time = np.arange(int(seconds * rate)) / rate
    return np.rint(AMPLITUDE * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def level_db(pcm: NDArray[np.int16], hertz: float) -> float:
    """How strong one frequency is at 16 kHz, relative to AMPLITUDE; the filter's ends are left out."""
    steady = pcm[200:-200].astype(float)
    window = np.blackman(len(steady))
    turning = np.exp(-2j * np.pi * hertz * np.arange(len(steady)) / OUT)
    amplitude = 2 * abs(np.dot(steady * window, turning)) / window.sum()
    return float(20 * np.log10(max(amplitude, 1e-9) / AMPLITUDE))


def convert(rate: int, pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    return Resampler(rate, OUT).push(pcm)


@given(RATES, SIZES)
def test_gives_exactly_as_many_samples_as_promised_at_every_moment(rate: int, sizes: list[int]) -> None:
    resampler, taken, given_out = Resampler(rate, OUT), 0, 0
    for size in sizes:
        taken += size
        given_out += len(resampler.push(np.zeros(size, np.int16)))
        assert given_out == -(-taken * OUT // rate)


@given(RATES, SIZES)
def test_pieces_give_the_same_as_the_whole(rate: int, sizes: list[int]) -> None:
    random = np.random.default_rng(sum(sizes))
    noise = random.integers(-20_000, 20_000, sum(sizes)).astype(np.int16)
    given_in = [piece * random.integers(0, 2, dtype=np.int16) for piece in np.split(noise, np.cumsum(sizes))]
    resampler = Resampler(rate, OUT)
    pieces = [resampler.push(piece) for piece in given_in]  # some are silent
    whole = convert(rate, np.concatenate(given_in))
    difference = np.concatenate(pieces).astype(int) - whole
    assert np.abs(difference).max(initial=0) <= 1  # sums of float32 in another order may round the other way


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
@pytest.mark.parametrize("hertz", [100, 1_000, 3_000])
def test_speech_passes_at_its_own_level(rate: int, hertz: int) -> None:
    assert level_db(convert(rate, tone(hertz, rate)), hertz) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_wide_band_speech_passes_too(rate: int) -> None:
    assert level_db(convert(rate, tone(6_000, rate)), 6_000) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("hertz", [1_000, 3_000])
def test_doubling_the_rate_leaves_no_image(hertz: int) -> None:
    assert level_db(convert(8_000, tone(hertz, 8_000)), 8_000 - hertz) < -60


@pytest.mark.parametrize("rate", [24_000, 48_000])
@pytest.mark.parametrize("hertz", [10_000, 11_500])
def test_what_16_khz_cannot_carry_does_not_fold_back(rate: int, hertz: int) -> None:
    assert level_db(convert(rate, tone(hertz, rate)), 16_000 - hertz) < -60


@pytest.mark.parametrize(("rate", "limit_ms"), [(8_000, 3.0), (24_000, 1.0), (48_000, 1.0)])
def test_the_delay_is_a_few_milliseconds(rate: int, limit_ms: float) -> None:
    click = np.zeros(rate // 10, np.int16)
    click[rate // 20] = 20_000
    peak = int(np.abs(convert(rate, click).astype(int)).argmax())
    assert 0 <= (peak / OUT - 0.05) * 1000 <= limit_ms + 0.07


def test_a_full_scale_step_is_clipped_not_wrapped() -> None:
    square = np.repeat(np.array([32767, -32768] * 20, np.int16), 100)
    out = convert(8_000, square)
    assert out.max() == 32767
    assert out.min() == -32768
    assert (out[150:250] > 0).all() == (square[75:125] > 0).all()
