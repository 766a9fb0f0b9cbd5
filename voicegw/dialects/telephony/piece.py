"""Reply audio in pieces of the size that a carrier plays; some drop an incomplete piece."""

from voicegw.core.audio import AudioFormat, encode
from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.caller_input import sample_bytes


class PiecePadding:
    """Fills audio up to whole pieces. piece_bytes: of one piece; None for a frame of the profile's
    playout."""

    def __init__(self, profile: SessionProfile, piece_bytes: int | None = None) -> None:
        self._silence = silence(profile.audio_format)
        frame = profile.rate * profile.playout.frame_ms // 1000 * sample_bytes(profile)
        self._piece_bytes = piece_bytes or frame

    def pad(self, data: bytes) -> bytes:
        """The audio, with silence after it up to the end of the last piece."""
        missing = -len(data) % self._piece_bytes
        return data + self._silence * (missing // len(self._silence))


def silence(audio_format: AudioFormat) -> bytes:
    """One silent sample."""
    return encode(bytes(2), audio_format)
