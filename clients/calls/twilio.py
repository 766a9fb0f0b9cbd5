"""The carrier's side of Twilio Media Streams, and of SignalWire, which uses the same messages."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from clients.calls.carrier import Carrier, Clear, Frame, Instruction, Mark, Play
from clients.errors import ProtocolError
from voicegw.core import g711

STREAM = "MZ00000000000000000000000000000001"


class TwilioCarrier(Carrier):
    """Twilio's documentation, "Media Streams - WebSocket Messages"."""

    name = "twilio"
    path = "/twilio"

    def __init__(self) -> None:
        self._sequence = 0

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        yield json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            "streamSid": STREAM,
            "accountSid": "AC1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "customParameters": {} if token is None else {"token": token},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": self.rate, "channels": 1},
        }
        yield self._message("start", start=start)

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        payload = g711.encode_mulaw(np.frombuffer(pcm, dtype="<i2"))
        media = {
            "track": "inbound",
            "chunk": str(number + 1),
            "timestamp": str(number * self.packet_ms),
            "payload": base64.b64encode(payload).decode(),
        }
        yield self._message("media", media=media)

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        message = json_of(frame)
        if message.get("streamSid") != STREAM:
            raise ProtocolError(f"a message without the id of the stream: {message.get('event')}")
        return instructions(message, g711.decode_mulaw)

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("mark", mark={"name": name})

    def end(self) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("stop", stop={"accountSid": "AC1", "callSid": "CA1"})

    def _message(self, event: str, **content: Any) -> str:
        self._sequence += 1
        return json.dumps(
            {"event": event, "sequenceNumber": str(self._sequence), "streamSid": STREAM, **content}
        )


class SignalWireCarrier(TwilioCarrier):
    """SignalWire's documentation, "cXML <Stream>": Twilio's messages."""

    name = "signalwire"


def json_of(frame: Frame) -> dict[str, Any]:
    """The message in a text frame. Raises ProtocolError."""
    if isinstance(frame, bytes):
        raise ProtocolError("a binary frame")
    message = json.loads(frame)
    if not isinstance(message, dict):
        raise ProtocolError("a message that is not an object")
    return message


def instructions(message: dict[str, Any], decode: Any) -> Iterable[Instruction]:
    """What a message in Twilio's form asks for. decode: from the payload to samples. Raises
    ProtocolError."""
    match message.get("event"):
        case "media":
            samples = decode(base64.b64decode(message["media"]["payload"], validate=True))
            return (Play(samples.astype("<i2").tobytes()),)
        case "mark":
            return (Mark(message["mark"]["name"]),)
        case "clear":
            return (Clear(),)
        case other:
            raise ProtocolError(f"no such message: {other}")
