"""Reply audio in pieces of the size that a carrier plays; some drop an incomplete piece."""

from voicegw.core.audio import encode
from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.caller_input import sample_bytes

PIECE_MS = 20


class PiecePadding:
    """Fills audio up to whole pieces. piece_bytes: of one piece; None for 20 ms of audio."""

    def __init__(self, profile: SessionProfile, piece_bytes: int | None = None) -> None:
        self._silence = encode(bytes(2), profile.audio_format)  # one sample
        self._piece_bytes = piece_bytes or profile.rate * PIECE_MS // 1000 * sample_bytes(profile)

    def pad(self, data: bytes) -> bytes:
        """The audio, with silence after it up to the end of the last piece."""
        missing = -len(data) % self._piece_bytes
        return data + self._silence * (missing // len(self._silence))
