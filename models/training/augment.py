"""Makes clean speech sound like rooms, microphones, noise and telephone lines (float32 at 16 kHz)."""

import random
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 16000
Samples = NDArray[np.float32]
_NOISE_BANK_S = 60
_MU = 255.0
NOISE_COLOURS = {"white": 0.0, "soft": 0.3, "pink": 0.5, "brown": 0.9}  # amplitude falls as frequency ** -x


def active_rms(samples: Samples) -> float:
    """Root mean square of the 10 ms frames within 30 dB of the loudest; pauses do not count."""
    step = SAMPLE_RATE // 100
    if len(samples) < step:
        return 0.0
    power = (samples[: len(samples) // step * step].reshape(-1, step) ** 2).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean()))


def mu_law(samples: Samples) -> Samples:
    """There and back through 8-bit G.711 mu-law companding."""
    clipped = np.clip(samples, -1, 1)
    companded = np.sign(clipped) * np.log1p(_MU * np.abs(clipped)) / np.log1p(_MU)
    quantised = np.round(companded * 127) / 127
    return np.asarray(np.sign(quantised) * np.expm1(np.abs(quantised) * np.log1p(_MU)) / _MU, np.float32)


def telephone(samples: Samples, low_hz: float = 300.0) -> Samples:
    """Through a telephone line: 8 kHz, nothing below `low_hz` or above 3400 Hz, mu-law. Keeps the length."""
    narrow = soxr.resample(samples, SAMPLE_RATE, 8000)
    spectrum = np.fft.rfft(narrow)
    frequency = np.fft.rfftfreq(len(narrow), 1 / 8000)
    spectrum *= 1 / (1 + (low_hz / np.maximum(frequency, 1)) ** 8) ** 0.5
    spectrum *= 1 / (1 + (frequency / 3400) ** 16) ** 0.5
    narrow = mu_law(np.fft.irfft(spectrum, len(narrow)).astype(np.float32))
    wide = np.zeros_like(samples)
    resampled = soxr.resample(narrow, 8000, SAMPLE_RATE)[: len(samples)]
    wide[: len(resampled)] = resampled
    return wide


def change_rate(samples: Samples, factor: float) -> Samples:
    """Plays faster (above 1) or slower, pitch and formants moving along: another speaker at another pace."""
    count = int(len(samples) / factor)
    return np.asarray(np.interp(np.arange(count) * factor, np.arange(len(samples)), samples), np.float32)


@cache
def _filter_centres_hz(filters: int, top_hz: float) -> NDArray[np.float64]:
    """Where Whisper's mel filters lie: Slaney's scale, linear to 1000 Hz and logarithmic above."""
    step, per_mel = np.log(6.4) / 27, 200 / 3
    top = 15 + np.log(top_hz / 1000) / step
    mels = np.linspace(0, top, filters + 2)[1:-1]
    return np.where(mels < 15, mels * per_mel, 1000 * np.exp(step * (mels - 15)))


def warped(mel: Samples, factor: float) -> Samples:
    """A log-mel spectrogram (filters, frames) as if the vocal tract were shorter (above 1) or longer.

    All frequencies are scaled, but for the highest, which are squeezed or stretched to fill the band (vocal
    tract length perturbation; Jaitly and Hinton 2013).
    """
    top_hz = SAMPLE_RATE / 2
    centres = _filter_centres_hz(len(mel), top_hz)
    bend = 0.8 * top_hz * min(1.0, 1 / factor)
    sources = np.interp(centres, [0, bend * factor, top_hz], [0, bend, top_hz])
    positions = np.interp(sources, centres, np.arange(len(mel)))
    below = np.minimum(positions.astype(int), len(mel) - 2)
    share = (positions - below).astype(np.float32)[:, None]
    return np.asarray(mel[below] * (1 - share) + mel[below + 1] * share, np.float32)


class Augmenter:
    """Random channels and noise, all from one seed."""

    def __init__(self, seed: int | str) -> None:
        self.rng = random.Random(f"augment {seed}")
        self._numpy = np.random.default_rng(self.rng.randrange(2**32))
        self._bank = {name: self._coloured(falloff) for name, falloff in NOISE_COLOURS.items()}

    def _coloured(self, falloff: float) -> Samples:
        count = _NOISE_BANK_S * SAMPLE_RATE
        spectrum = np.fft.rfft(self._numpy.standard_normal(count))
        spectrum /= np.maximum(np.arange(len(spectrum)), 20.0) ** falloff
        noise = np.fft.irfft(spectrum, count)
        return np.asarray(noise / noise.std(), np.float32)

    def noise(self, count: int, colour: str | None = None) -> Samples:
        """Steady noise of unit power; a random colour unless one is named."""
        bank = self._bank[colour or self.rng.choice(list(NOISE_COLOURS))]
        bank = np.tile(bank, 1 + count // len(bank))
        start = self.rng.randrange(len(bank) - count)
        return bank[start : start + count]

    def hum(self, count: int) -> Samples:
        """Mains hum or a line tone with a few harmonics, of unit power."""
        base = self.rng.choice([50.0, 60.0, 100.0, 120.0, self.rng.uniform(200, 1500)])
        time = np.arange(count) / SAMPLE_RATE
        tone = sum(self.rng.random() / k * np.sin(2 * np.pi * base * k * time) for k in range(1, 6))
        return np.asarray(tone / max(1e-6, float(np.std(tone))), np.float32)

    def clicks(self, count: int) -> Samples:
        """A few decaying thumps and clicks."""
        sound = np.zeros(count, np.float32)
        for _ in range(self.rng.randint(1, 3)):
            start = self.rng.randrange(count)
            length = min(count - start, self.rng.randint(20, 1500))
            burst = self._numpy.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
            sound[start : start + length] += (burst * self.rng.uniform(0.01, 0.3)).astype(np.float32)
        return sound

    def add_noise(self, samples: Samples, snr_db: float, colour: str | None = None) -> Samples:
        """Adds noise at that ratio to the active speech."""
        level = active_rms(samples) * 10 ** (-snr_db / 20)
        return samples + self.noise(len(samples), colour) * np.float32(level)

    def room(self, samples: Samples) -> Samples:
        """A random room (exponential reverberation, 50 to 400 ms) and a random spectral tilt."""
        rng = self.rng
        size = len(samples) + SAMPLE_RATE // 2
        size += -size % 4000  # a length that the FFT likes
        spectrum = np.fft.rfft(samples, size)
        if rng.random() < 0.6:
            length = int(rng.uniform(0.05, 0.4) * SAMPLE_RATE)
            tail = self._numpy.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
            tail *= rng.uniform(0.05, 0.5) / np.sqrt((tail**2).sum())
            tail[0] += 1
            spectrum *= np.fft.rfft(tail, size)
        if rng.random() < 0.7:
            octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 60) / 1000)
            spectrum *= 10 ** (np.clip(octaves * rng.uniform(-6, 6), -20, 20) / 20)
        return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)

    def channel(self, samples: Samples) -> Samples:
        """A random way from the mouth to the server: room, level, noise of 3 to 40 dB, telephone."""
        rng = self.rng
        if rng.random() < 0.35:
            samples = self.room(samples)
        samples = samples * np.float32(
            10 ** rng.uniform(-1.6, -0.02) / max(1e-4, float(np.abs(samples).max()))
        )
        if rng.random() < 0.65:
            samples = self.add_noise(
                samples, rng.uniform(3, 25) if rng.random() < 0.75 else rng.uniform(20, 40)
            )
        elif rng.random() < 0.7:
            samples = samples + self.noise(len(samples)) * np.float32(10 ** rng.uniform(-5, -3.5))
        if rng.random() < 0.25:
            samples = telephone(samples, rng.choice([50.0, 200.0, 300.0]))
        return np.clip(samples, -1, 1)

    def background(self, count: int) -> Samples:
        """No speech at all: silence, noise, hum, clicks, at any level, sometimes over a telephone."""
        rng = self.rng
        sound = np.zeros(count, np.float32)
        kind = rng.random()
        if kind > 0.2:
            source = self.hum(count) if kind > 0.85 else self.noise(count)
            sound = source * np.float32(10 ** rng.uniform(-5, -0.8))
        if rng.random() < 0.3:
            sound = sound + self.clicks(count)
        if rng.random() < 0.25:
            sound = telephone(sound)
        return np.clip(sound, -1, 1)
