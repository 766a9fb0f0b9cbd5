"""Reply audio in pieces of the size that a carrier plays; some drop an incomplete piece."""

from voicegw.core.audio import AudioFormat, encode
from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.caller_input import sample_bytes


class PiecePadding:
    """Fills audio up to whole frames of the profile's playout."""

    def __init__(self, profile: SessionProfile) -> None:
        self._silence = silence(profile.audio_format)
        samples = profile.rate * profile.playout.frame_ms // 1000
        self._piece_bytes = samples * sample_bytes(profile)

    def pad(self, data: bytes) -> bytes:
        """The audio, with silence after it up to the end of the last piece."""
        missing = -len(data) % self._piece_bytes
        return data + self._silence * (missing // len(self._silence))


def silence(audio_format: AudioFormat) -> bytes:
    """One silent sample."""
    return encode(bytes(2), audio_format)
