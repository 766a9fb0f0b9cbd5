"""Conceals lost packets: continues the audio before them, so that a word with a lost packet keeps its sound.

The last period of the voice is repeated and fades out, as in Appendix I of ITU-T G.711 (1999): at its own
level for 10 ms, then down to silence at 60 ms. The period is where the audio resembles itself most, by the
normalised cross-correlation of the last 20 ms. The audio behind the loss is faded in over the repetition. The
appendix also delays all audio by 3.75 ms to fade into the repetition; here nothing is delayed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import encode, samples_of
from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.caller_input import sample_bytes

_SHORTEST_MS, _LONGEST_MS = 5, 15  # period of a voice: 66 to 200 Hz
_COMPARED_MS = 20
_HISTORY_MS = _COMPARED_MS + _LONGEST_MS
_FULL_MS, _SILENT_MS = 10, 60  # of a loss: until its level falls, and until it is silent
_FADE_MS = 4  # into the audio behind the loss
_PER_MS = 8  # samples, where periods are compared

Audio = NDArray[np.float32]


class Concealment:
    """Passes on the audio of a stream and fills its losses, in the format of the profile."""

    def __init__(self, profile: SessionProfile) -> None:
        self._format = profile.audio_format
        self._sample_bytes = sample_bytes(profile)
        self._per_ms = profile.rate // 1000
        self._history = b""  # the last audio that was received, whole samples
        self._packet = 0  # samples of the last packet
        self._cycle: Audio | None = None  # what is repeated in the current loss
        self._filled = 0  # samples of the current loss

    def receive(self, packet: bytes | None) -> bytes:
        """The audio of a packet, whose begin is changed behind a loss; of a lost one (None), which is taken
        to be as long as the one before it, its replacement."""
        if packet is None:
            return self._replacement()
        if len(packet) % self._sample_bytes:  # the rest of the sample follows
            self._history, self._cycle = b"", None
            return packet
        if self._cycle is not None:
            packet = self._faded_in(packet)
            self._cycle, self._filled = None, 0
        kept = _HISTORY_MS * self._per_ms * self._sample_bytes
        self._history = (self._history + packet)[-kept:]
        self._packet = len(packet) // self._sample_bytes
        return packet

    def _replacement(self) -> bytes:
        if self._cycle is None:
            self._cycle = _cycle(samples_of(self._history, self._format), self._per_ms)
        return self._encoded(self._continued(self._packet))

    def _continued(self, samples: int) -> Audio:
        """The next samples of the repetition."""
        assert self._cycle is not None
        at = np.arange(self._filled, self._filled + samples)
        self._filled += samples
        gain = (_SILENT_MS - at / self._per_ms) / (_SILENT_MS - _FULL_MS)
        return np.asarray(self._cycle[at % len(self._cycle)] * np.clip(gain, 0, 1), np.float32)

    def _faded_in(self, data: bytes) -> bytes:
        """The audio with its begin mixed with the repetition."""
        fade_bytes = _FADE_MS * self._per_ms * self._sample_bytes
        begin = samples_of(data[:fade_bytes], self._format).astype(np.float32)
        share = (np.arange(len(begin), dtype=np.float32) + 1) / (len(begin) + 1)
        mixed = share * begin + (1 - share) * self._continued(len(begin))
        return self._encoded(mixed) + data[fade_bytes:]

    def _encoded(self, audio: NDArray[np.floating[Any]]) -> bytes:
        return encode(np.rint(audio).astype("<i2").tobytes(), self._format)


def _cycle(history: NDArray[np.int16], per_ms: int) -> Audio:
    """The last period, whose end runs into its begin; a silent sample where there is too little audio."""
    audio = history.astype(np.float32)
    if len(audio) < _HISTORY_MS * per_ms:
        return np.zeros(1, np.float32)
    period = _period(audio, per_ms)
    cycle, before = audio[-period:].copy(), audio[-period - period // 4 : -period]
    share = np.arange(len(before), dtype=np.float32) / len(before)
    cycle[-len(before) :] = (1 - share) * cycle[-len(before) :] + share * before
    return cycle


def _period(audio: Audio, per_ms: int) -> int:
    """The shift, in samples, by which the end of the audio resembles what was before it most. It is found at
    8 kHz, so that no rate costs more."""
    step = per_ms // _PER_MS
    audio = audio[::step]
    compared = _COMPARED_MS * _PER_MS
    end = audio[-compared:]
    shifts = range(_SHORTEST_MS * _PER_MS, _LONGEST_MS * _PER_MS + 1)
    earlier = np.stack([audio[len(audio) - compared - shift : len(audio) - shift] for shift in shifts])
    energy = np.einsum("ij,ij->i", earlier, earlier)
    return step * shifts[int(np.argmax(earlier @ end / np.sqrt(energy + 1)))]
