"""The audio formats of the protocol, and their conversion.

The session has one format, PCM at 24 kHz. G.711 at 8 kHz is converted here, because a client states its
formats after the session has begun, and may state different ones for input and output.
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np

from voicegw.core import g711
from voicegw.core.audio import AudioFormat, encode
from voicegw.core.resample import Resampler
from voicegw.errors import OddByteCount

RATE = 24_000
_TELEPHONE_RATE = 8_000
_PIECE_BYTES = 3_200  # 400 ms of G.711


class RealtimeFormat(Enum):
    """The name of a format in the protocol."""

    PCM = "audio/pcm"
    PCMU = "audio/pcmu"
    PCMA = "audio/pcma"

    @property
    def shown(self) -> dict[str, Any]:
        """The object for the client."""
        return {"type": self.value, "rate": RATE} if self is RealtimeFormat.PCM else {"type": self.value}

    @property
    def encoding(self) -> AudioFormat:
        """The encoding of its samples."""
        return _ENCODINGS[self]

    @property
    def bytes_per_second(self) -> int:
        """The size of one second."""
        return 2 * RATE if self is RealtimeFormat.PCM else _TELEPHONE_RATE


_ENCODINGS = {
    RealtimeFormat.PCM: AudioFormat.PCM,
    RealtimeFormat.PCMU: AudioFormat.MULAW,
    RealtimeFormat.PCMA: AudioFormat.ALAW,
}


def format_of(value: Any, before: RealtimeFormat) -> RealtimeFormat:
    """The format that a client states, as an object or by its older name; `before` if it is not supported."""
    name = value.get("type") if isinstance(value, dict) else value
    known = {each.value: each for each in RealtimeFormat}
    older = {"pcm16": RealtimeFormat.PCM, "g711_ulaw": RealtimeFormat.PCMU, "g711_alaw": RealtimeFormat.PCMA}
    return (known | older).get(name, before) if isinstance(name, str) else before


def pieces(data: bytes, audio_format: RealtimeFormat) -> Iterator[bytes]:
    """The audio in pieces, so that converting a long one does not hold up other sessions."""
    size = max(1, len(data)) if audio_format is RealtimeFormat.PCM else _PIECE_BYTES
    return (data[begin : begin + size] for begin in range(0, len(data), size))


class InputConverter:
    """Converts a client's audio to that of the session."""

    def __init__(self) -> None:
        self._format = RealtimeFormat.PCM
        self._resampler = Resampler(_TELEPHONE_RATE, RATE)

    def convert(self, data: bytes, audio_format: RealtimeFormat) -> bytes:
        """The audio in PCM at 24 kHz. Raises OddByteCount for half a sample."""
        if audio_format is RealtimeFormat.PCM:
            if len(data) % 2:
                raise OddByteCount(f"{len(data)} bytes are not whole 16-bit samples")
            return data
        if audio_format is not self._format:
            self._format, self._resampler = audio_format, Resampler(_TELEPHONE_RATE, RATE)
        decode = g711.decode_mulaw if audio_format is RealtimeFormat.PCMU else g711.decode_alaw
        return self._resampler.push(decode(data)).astype("<i2").tobytes()


class OutputConverter:
    """Converts reply audio to the client's format."""

    def __init__(self) -> None:
        self._resampler = Resampler(RATE, _TELEPHONE_RATE)

    def convert(self, data: bytes, audio_format: RealtimeFormat) -> bytes:
        """The audio, PCM at 24 kHz, in the client's format."""
        if audio_format is RealtimeFormat.PCM:
            return data
        pcm = self._resampler.push(np.frombuffer(data, dtype="<i2"))
        return encode(pcm.astype("<i2").tobytes(), audio_format.encoding)
