"""The carrier's side of the Vonage Voice API."""

import json
from collections.abc import Iterable

from clients.calls.carrier import Clear, Frame, Instruction, Mark
from clients.calls.raw import RawCarrier, object_of
from clients.errors import ProtocolError


class VonageCarrier(RawCarrier):
    """Vonage's documentation, "WebSockets"."""

    name = "vonage"
    path = "/bridge"

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        kind = {"event": "websocket:connected", "content-type": f"audio/l16;rate={self.rate}"}
        yield json.dumps({**kind, "caller-id": "447700900123"})

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier. A binary message is exactly one piece."""
        if isinstance(frame, bytes) and len(frame) != self.piece_bytes:
            raise ProtocolError(f"{len(frame)} bytes of audio; a message has {self.piece_bytes}")
        return super().read(frame)

    def read_text(self, text: str) -> Iterable[Instruction]:
        """See RawCarrier."""
        message = object_of(text)
        match message.get("action"):
            case "clear":
                return (Clear(),)
            case "notify":
                return (Mark(json.dumps(message["payload"])),)
            case other:
                raise ProtocolError(f"no such action: {other}")

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        yield json.dumps({"event": "websocket:notify", "payload": json.loads(name)})
