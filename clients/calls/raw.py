"""What carriers with raw audio in binary messages have in common: 16-bit samples, little-endian."""

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from clients.calls.carrier import Carrier, Connection, Frame, Instruction, Play, open_socket
from clients.errors import ProtocolError


class RawCarrier(Carrier):
    """A carrier that connects with these subprotocols and the token in the path, sends each packet as a
    binary message, and hangs up by closing the connection."""

    rate = 16_000
    query: ClassVar[str] = ""
    subprotocols: ClassVar[Sequence[str]] = ()
    closes = True

    def connect(self, url: str, token: str | None) -> AbstractAsyncContextManager[Connection]:
        """See Carrier."""
        path = self.path if token is None else f"{self.path}/{token}"
        return open_socket(f"{url}{path}{self.query}", self.subprotocols)

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        return (pcm,)

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        if isinstance(frame, str):
            return self.read_text(frame)
        if not frame or len(frame) % self.piece_bytes:
            raise ProtocolError(f"{len(frame)} bytes of audio are not whole pieces")
        return (Play(self.decode(frame)),)

    def decode(self, audio: bytes) -> bytes:
        """Audio of the carrier as s16le."""
        return audio

    def read_text(self, text: str) -> Iterable[Instruction]:
        """What the server asks for in a text message. Raises ProtocolError."""
        raise ProtocolError(f"no such message: {text[:80]}")

    @property
    def piece_bytes(self) -> int:
        """The size of 20 ms of audio."""
        return 2 * self.rate * self.packet_ms // 1000

    def end(self) -> Iterable[Frame]:
        """See Carrier."""
        return ()


def object_of(text: str) -> dict[str, Any]:
    """The JSON object in a text message. Raises ProtocolError."""
    try:
        message = json.loads(text)
    except ValueError as error:
        raise ProtocolError(f"not JSON: {text[:80]}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"not an object: {text[:80]}")
    return message
