"""The carrier's side of mod_audio_stream for FreeSWITCH: no description of the call, and base64 in JSON
back."""

import base64
from collections.abc import Iterable

from clients.calls.carrier import Clear, Frame, Instruction, Play
from clients.calls.raw import RawCarrier, object_of
from clients.errors import ProtocolError


class AudioStreamCarrier(RawCarrier):
    """mod_audio_stream, README.md. A build that knows `killAudio`."""

    name = "mod-audio-stream"
    path = "/bridge"
    query = "?rate=8000"
    rate = 8_000

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        return ()

    def read_text(self, text: str) -> Iterable[Instruction]:
        """See RawCarrier."""
        message = object_of(text)
        match message.get("type"):
            case "streamAudio":
                return (Play(self._audio(message["data"])),)
            case "killAudio":
                return (Clear(),)
            case "json" | "disconnect" | "error":
                return ()
            case other:
                raise ProtocolError(f"no such message: {other}")

    def _audio(self, data: dict[str, object]) -> bytes:
        if (data["audioDataType"], data["sampleRate"]) != ("raw", self.rate):
            raise ProtocolError(f"audio of another kind: {data['audioDataType']}, {data['sampleRate']} Hz")
        return base64.b64decode(str(data["audioData"]), validate=True)
