"""The carrier's side of Exotel's Voicebot applet ("Working with the Stream and Voicebot Applet"): linear
audio, packets of 100 ms, and rules for the size of messages."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clients.calls.carrier import Carrier, Frame, Instruction, Play
from clients.calls.twilio import instructions, json_of
from clients.errors import ProtocolError

_STREAM = "exotel-1"
_PIECE, _LEAST, _MOST = 320, 3_200, 100_000  # bytes: "Chunk Size Requirements"


class ExotelCarrier(Carrier):
    """See the module."""

    name = "exotel"
    path = "/twilio"
    packet_ms = 100

    def __init__(self) -> None:
        self._sequence = 0

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        yield json.dumps({"event": "connected"})
        start = {
            "stream_sid": _STREAM,
            "call_sid": "c1",
            "custom_parameters": {} if token is None else {"token": token},
            "media_format": {"encoding": "base64", "sample_rate": str(self.rate), "bit_rate": "128kbps"},
        }
        yield self._message("start", start=start)

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        payload = base64.b64encode(pcm).decode()
        media = {"chunk": number + 1, "timestamp": str(number * self.packet_ms), "payload": payload}
        yield self._message("media", media=media)

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        message = json_of(frame)
        if message.get("stream_sid") != _STREAM:
            raise ProtocolError(f"a message without the id of the stream: {message.get('event')}")
        for instruction in instructions(message, _samples):
            if isinstance(instruction, Play):
                size = len(instruction.pcm)
                if size % _PIECE or not _LEAST <= size <= _MOST:
                    raise ProtocolError(f"audio of {size} bytes in one message")
            yield instruction

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("mark", mark={"name": name})

    def end(self) -> Iterable[Frame]:
        """See Carrier."""
        yield self._message("stop", stop={"call_sid": "c1", "reason": "callended"})

    def _message(self, event: str, **content: Any) -> str:
        self._sequence += 1
        numbered = {"event": event, "sequence_number": self._sequence, "stream_sid": _STREAM}
        return json.dumps({**numbered, **content})


def _samples(payload: bytes) -> NDArray[np.int16]:
    return np.frombuffer(payload, dtype="<i2")
