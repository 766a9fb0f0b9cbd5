"""The messages to each client: audio, marks after it, the command to discard unplayed audio, and errors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import msgspec
import numpy as np

from voicegw.core.playback import Playout
from voicegw.dialects.port import Frame
from voicegw.errors import VoicegwError

_MARKER = -1  # the sample that mod_audio_fork uses as the position of a mark
_encoder = msgspec.json.Encoder()


class Outbound(ABC):
    """The messages in the form of one client. drops: it discards unplayed audio whenever it is told to."""

    drops = False

    @abstractmethod
    def audio(self, pcm: bytes, mark: str) -> Iterable[Frame]:
        """Audio to play after the audio before, and a mark behind it if the client reports marks."""

    @abstractmethod
    def clear(self) -> Iterable[Frame]:
        """Makes the client discard unplayed audio."""

    def fault(self, code: str, message: str) -> Iterable[Frame]:
        """An error that does not end the call."""
        return ()

    def disconnect(self) -> Iterable[Frame]:
        """Ends the call."""
        return ()


class ForkOutbound(Outbound):
    """mod_audio_fork, also as part of jambonz, with streaming of replies.

    It reports the mark of a message when the audio before the mark was played (mod_audio_fork, lws_glue.cpp).
    """

    drops = True

    def audio(self, pcm: bytes, mark: str) -> Iterable[Frame]:
        """See Outbound. Samples that would be taken for a mark are changed by the least amount."""
        samples = np.frombuffer(pcm, dtype="<i2")
        audible = np.where(samples == _MARKER, 0, samples).astype("<i2").tobytes()
        return Frame(audible, text=False), _json(type="mark", data={"name": mark})

    def clear(self) -> Iterable[Frame]:
        """See Outbound."""
        return (_json(type="killAudio"),)

    def error(self, error: VoicegwError) -> Iterable[Frame]:
        """See Outbound."""
        return (_json(type="error", data={"code": error.code, "message": error.message}),)

    def fault(self, code: str, message: str) -> Iterable[Frame]:
        """See Outbound. As a message of type `error` it would end the call."""
        return (_json(type="json", data={"error": {"code": code, "message": message}}),)

    def disconnect(self) -> Iterable[Frame]:
        """See Outbound."""
        return (_json(type="disconnect"),)


class PlayOutbound(ForkOutbound):
    """mod_audio_fork and jambonz without streaming: they play each message as a file, report its end, and
    discard only the one that is played."""

    drops = False

    def __init__(self, rate: int) -> None:
        self._rate = rate

    def audio(self, pcm: bytes, mark: str) -> Iterable[Frame]:
        """See Outbound."""
        content = {"audioContentType": "raw", "sampleRate": self._rate, "audioContent": pcm}
        return (_json(type="playAudio", data={**content, "id": mark, "queuePlay": True}),)


class StreamOutbound(ForkOutbound):
    """mod_audio_stream, which has no marks. Its builds play base64 in JSON, newer ones binary messages too.
    drops: not all builds discard audio."""

    def __init__(self, rate: int, *, binary: bool, drops: bool) -> None:
        self._rate = rate
        self._binary = binary
        self.drops = drops

    def audio(self, pcm: bytes, mark: str) -> Iterable[Frame]:
        """See Outbound."""
        if self._binary:
            return (Frame(pcm, text=False),)
        content = {"audioDataType": "raw", "sampleRate": self._rate, "audioData": pcm}
        return (_json(type="streamAudio", data=content),)


class VonageOutbound(Outbound):
    """Vonage Voice, which plays messages of exactly one piece, and returns a notification when the audio
    before it was played. It shows no errors."""

    drops = True

    def __init__(self, rate: int) -> None:
        self._piece_bytes = 2 * rate * Playout().frame_ms // 1000

    def audio(self, pcm: bytes, mark: str) -> Iterable[Frame]:
        """See Outbound."""
        for begin in range(0, len(pcm), self._piece_bytes):
            yield Frame(pcm[begin : begin + self._piece_bytes], text=False)
        yield _json(action="notify", payload={"name": mark})

    def clear(self) -> Iterable[Frame]:
        """See Outbound."""
        return (_json(action="clear"),)


def _json(**content: object) -> Frame:
    return Frame(_encoder.encode(content))
