"""What a caller sends: audio and telephone keys."""

from collections.abc import Iterable

import numpy as np

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import TypeText
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio, Received
from voicegw.dialects.telephony.keypad import Keypad


class CallerInput:
    """Passes on whole samples of one channel, and keys as messages.

    channels: interleaved in the audio, which is s16le when there is more than one. channel: the caller's,
    from 0.
    """

    def __init__(self, profile: SessionProfile, channels: int = 1, channel: int = 0) -> None:
        self._keypad = Keypad()
        self._channels, self._channel = channels, channel
        self._bytes_per_ms = profile.rate * sample_bytes(profile) / 1000
        self._frame_bytes = sample_bytes(profile) * channels
        self._rest = b""  # of an incomplete sample

    def receive_audio(self, data: bytes) -> Iterable[Received]:
        """The audio, and the message that a pause without a key completes."""
        data = self._rest + data
        whole = len(data) - len(data) % self._frame_bytes
        data, self._rest = data[:whole], data[whole:]
        if self._channels > 1:
            data = np.frombuffer(data, dtype="<i2")[self._channel :: self._channels].tobytes()
        if data:
            yield Audio(data)
        if (text := self._keypad.wait(len(data) / self._bytes_per_ms)) is not None:
            yield TypeText(text)

    def receive_key(self, digit: str) -> Iterable[Received]:
        """The message that this key completes, if any."""
        text = self._keypad.press(digit)
        return () if text is None else (TypeText(text),)


def sample_bytes(profile: SessionProfile) -> int:
    """The bytes of one sample of one channel."""
    return 2 if profile.audio_format is AudioFormat.PCM else 1
