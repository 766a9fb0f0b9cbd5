"""The port that decodes an audio file."""

from collections.abc import AsyncGenerator
from typing import Protocol


class RecordingDecoder(Protocol):
    """Decodes audio files of clients."""

    def decode(self, recording: bytes) -> AsyncGenerator[bytes, None]:
        """The audio as mono s16le at 16 kHz, piece by piece. Raises InvalidRecording and RecordingTooLong."""
        ...
