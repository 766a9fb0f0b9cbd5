import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from models.training.augment import (
    NOISE_COLOURS,
    SAMPLE_RATE,
    Augmenter,
    Samples,
    active_rms,
    change_rate,
    mu_law,
    telephone,
    warped,
)


@pytest.fixture(scope="module")
def augmenter() -> Augmenter:
    return Augmenter(1)


def _tone(hertz: float, seconds: float = 1.0) -> Samples:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def _db(samples: Samples) -> float:
    return float(10 * np.log10((samples**2).mean()))


@pytest.mark.parametrize("colour", NOISE_COLOURS)
@pytest.mark.parametrize("snr_db", [5.0, 10.0, 40.0])
def test_noise_has_the_ratio_asked_for(augmenter: Augmenter, colour: str, snr_db: float) -> None:
    speech = _tone(440)
    noise = augmenter.add_noise(speech, snr_db, colour) - speech
    assert _db(speech) - _db(noise) == pytest.approx(snr_db, abs=2.5)


def test_pauses_do_not_count_for_the_level_of_speech() -> None:
    speech = _tone(440)
    assert active_rms(np.append(speech, np.zeros_like(speech))) == pytest.approx(active_rms(speech), rel=0.01)


@pytest.mark.parametrize("count", [1600, 15999, 160000])
def test_channels_keep_the_length(augmenter: Augmenter, count: int) -> None:
    speech = np.resize(_tone(440), count)
    assert [len(augmenter.channel(speech)) for _ in range(10)] == [count] * 10
    assert len(telephone(speech)) == len(augmenter.room(speech)) == len(augmenter.background(count)) == count


def test_channels_stay_within_full_scale(augmenter: Augmenter) -> None:
    assert all(np.abs(augmenter.channel(_tone(440))).max() <= 1 for _ in range(20))


@pytest.mark.parametrize(("hertz", "passes"), [(60, False), (1000, True), (6000, False)])
def test_a_telephone_passes_only_its_band(hertz: float, passes: bool) -> None:
    tone = _tone(hertz)
    loss_db = _db(tone) - _db(telephone(tone) + np.float32(1e-9))
    assert (loss_db < 1) == passes
    assert (loss_db > 20) != passes


def test_mu_law_is_finer_for_small_values() -> None:
    for level in (0.01, 0.9):
        assert mu_law(np.array([level], np.float32))[0] == pytest.approx(level, rel=0.05)


def test_a_changed_rate_changes_length_and_pitch() -> None:
    faster = change_rate(_tone(400), 1.25)
    assert len(faster) == 12800
    assert np.abs(np.fft.rfft(faster)).argmax() * SAMPLE_RATE / len(faster) == pytest.approx(500, abs=2)


def test_the_same_seed_gives_the_same_channel() -> None:
    assert np.array_equal(Augmenter(4).channel(_tone(440)), Augmenter(4).channel(_tone(440)))


@pytest.mark.parametrize("factor", [0.84, 1.0, 1.18])
def test_a_warped_spectrogram_has_its_peaks_at_scaled_frequencies(factor: float) -> None:
    extractor = FeatureExtractor()

    def spectrogram(hertz: float) -> Samples:
        return np.asarray(extractor(_tone(hertz), padding=0), np.float32)

    loudest = warped(spectrogram(1500), factor).mean(axis=1).argmax()
    assert abs(int(loudest) - int(spectrogram(1500 * factor).mean(axis=1).argmax())) <= 1
