"""The carrier's side of Plivo's audio streaming ("Audio Streaming Protocol Reference"), with mu-law."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from clients.calls.carrier import Carrier, Clear, Frame, Instruction, Mark, Play
from clients.calls.twilio import json_of
from clients.errors import ProtocolError
from voicegw.core import g711

_STREAM = "87654321-4321-4321-4321-cba987654321"
_SHAPE = {"contentType": "audio/x-mulaw", "sampleRate": 8_000}


class PlivoCarrier(Carrier):
    """See the module."""

    name = "plivo"
    path = "/twilio"

    def __init__(self) -> None:
        self._sequence = 0

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        start = {
            "callId": "12345678-1234-1234-1234-123456789abc",
            "streamId": _STREAM,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": self.rate},
        }
        yield self._message("start", start=start, extra_headers="" if token is None else f"token={token}")

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        payload = g711.encode_mulaw(np.frombuffer(pcm, dtype="<i2"))
        media = {
            "track": "inbound",
            "timestamp": str(1_700_000_000_000 + number * self.packet_ms),
            "chunk": number + 1,
            "payload": base64.b64encode(payload).decode(),
        }
        yield self._message("media", streamId=_STREAM, media=media)

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        message = json_of(frame)
        if message.get("streamId") != _STREAM:
            raise ProtocolError(f"a message without the id of the stream: {message.get('event')}")
        match message.get("event"):
            case "playAudio":
                media = dict(message["media"])
                samples = g711.decode_mulaw(base64.b64decode(media.pop("payload"), validate=True))
                if media != _SHAPE:
                    raise ProtocolError(f"audio of another kind: {media}")
                yield Play(samples.tobytes())
            case "checkpoint":
                yield Mark(message["name"])
            case "clearAudio":
                yield Clear()
            case other:
                raise ProtocolError(f"no such message: {other}")

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("playedStream", streamId=_STREAM, name=name)

    def end(self) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("stop", streamId=_STREAM)

    def _message(self, event: str, **content: Any) -> str:
        self._sequence += 1
        return json.dumps({"event": event, "sequenceNumber": self._sequence, **content})
