"""Recorded speech at a known level, generated noise, and the scores of a voice activity detector on them.

Levels are in dBFS of the words alone, so that pauses do not count; signals are floats, full scale 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clients.audio import read_pcm
from clients.samples import Sample
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES
from voicegw.core.endpoint import SpeechScorer

SPEECH_DBFS = -20.0
NEVER_MS = 2000.0  # the maximum of a delay
BEFORE_MS, AFTER_MS = 40, 200  # around an utterance: counted as neither speech nor silence

Signal = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Speech:
    """Concatenated recordings, their words at one level, and the times of the words.

    in_word: windows inside a word. silent: windows well away from any utterance. utterances: the begin and
    end of each, in ms.
    """

    signal: Signal
    in_word: Mask
    silent: Mask
    utterances: tuple[tuple[float, float], ...]

    def in_noise(self, color: str, snr_db: float, seed: int = 1) -> Signal:
        """The speech with steady noise at this SNR."""
        seconds = len(self.signal) / SAMPLE_RATE
        return np.asarray(self.signal + noise(color, SPEECH_DBFS - snr_db, seconds, seed))


def read_speech(samples: Sequence[Sample], level_dbfs: float | None = SPEECH_DBFS) -> Speech:
    """The concatenated samples, each cut to whole windows, their words at the level; None: unchanged."""
    parts = [_speech_of(sample, level_dbfs) for sample in samples]
    begins_ms = np.cumsum([0, *(len(part.in_word) * WINDOW_MS for part in parts)])[:-1]
    return Speech(
        signal=np.concatenate([part.signal for part in parts]),
        in_word=np.concatenate([part.in_word for part in parts]),
        silent=np.concatenate([part.silent for part in parts]),
        utterances=tuple(
            (float(begin_ms + start), float(begin_ms + end))
            for begin_ms, part in zip(begins_ms, parts, strict=True)
            for start, end in part.utterances
        ),
    )


def _speech_of(sample: Sample, level_dbfs: float | None) -> Speech:
    signal: Signal = np.frombuffer(read_pcm(sample.path, SAMPLE_RATE), dtype="<i2") / 32768
    signal = signal[: len(signal) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    middles = (np.arange(len(signal) // WINDOW_SAMPLES) + 0.5) * WINDOW_MS
    words = [(word.start_ms, word.end_ms) for said in sample.utterances for word in said.words]
    near = [(said.start_ms - BEFORE_MS, said.end_ms + AFTER_MS) for said in sample.utterances]
    in_word = _covered(middles, words)
    if level_dbfs is not None:
        signal = at_level(signal, level_dbfs, signal[np.repeat(in_word, WINDOW_SAMPLES)])
    return Speech(
        signal=signal,
        in_word=in_word,
        silent=~_covered(middles, near),
        utterances=tuple((said.start_ms, said.end_ms) for said in sample.utterances),
    )


def _covered(times_ms: Signal, spans: Sequence[tuple[float, float]]) -> Mask:
    inside = np.zeros(len(times_ms), dtype=np.bool_)
    for start, end in spans:
        inside |= (times_ms >= start) & (times_ms < end)
    return inside


def at_level(signal: Signal, level_dbfs: float, measured: Signal | None = None) -> Signal:
    """The signal made louder or quieter, so that it, or the part of it that is `measured`, has the level."""
    power = float(np.mean((signal if measured is None else measured) ** 2))
    return np.asarray(signal * np.sqrt(10 ** (level_dbfs / 10) / power))


def noise(color: str, level_dbfs: float, seconds: float = 10, seed: int = 1) -> Signal:
    """Steady noise, white or pink, without what lies below 20 Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE)))
    frequencies = np.fft.rfftfreq(int(seconds * SAMPLE_RATE), 1 / SAMPLE_RATE)
    if color == "pink":
        spectrum[1:] /= np.sqrt(frequencies[1:])
    spectrum[frequencies < 20] = 0
    return at_level(np.fft.irfft(spectrum, int(seconds * SAMPLE_RATE)), level_dbfs)


def scores(signal: Signal, scorer: SpeechScorer) -> Signal:
    """The score of each whole window."""
    whole = signal[: len(signal) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    pcm = np.clip(np.round(whole * 32768), -32768, 32767).astype(np.int16)
    return np.array([scorer.score(window) for window in pcm.reshape(-1, WINDOW_SAMPLES)])


def share(mask: Mask) -> float:
    """The fraction that is true; NaN of nothing."""
    return float(np.mean(mask)) if len(mask) else float("nan")


def delays_ms(voiced: Mask, utterances: Sequence[tuple[float, float]]) -> tuple[Signal, Signal]:
    """For each utterance: from its start to the first voiced score, and from its end to the first unvoiced
    one.

    A score is known at the end of its window. NEVER_MS is the maximum.
    """
    onsets = [_delay_ms(voiced, begin) for begin, _ in utterances]
    tails = [_delay_ms(~voiced, end) for _, end in utterances]
    return np.array(onsets), np.array(tails)


def _delay_ms(wanted: Mask, since_ms: float) -> float:
    ends = (np.arange(len(wanted)) + 1) * WINDOW_MS
    found = ends[wanted & (ends > since_ms)]
    return min(float(found[0]) - since_ms, NEVER_MS) if len(found) else NEVER_MS
