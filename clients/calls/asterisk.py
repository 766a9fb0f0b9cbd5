"""The side of Asterisk's channel driver chan_websocket, in both forms of its control messages."""

import json
from abc import abstractmethod
from collections.abc import Iterable

import numpy as np

from clients.calls.carrier import Clear, Frame, Instruction, Mark
from clients.calls.raw import RawCarrier, object_of
from clients.errors import ProtocolError
from voicegw.core import g711

_MAX_TEXT_BYTES = 128  # Asterisk ignores longer commands
_MAX_AUDIO_BYTES = 65_500  # Asterisk hangs up for more


class _AsteriskCarrier(RawCarrier):
    """Asterisk's documentation, "WebSocket"; chan_websocket.c. A flush forgets the marks, too."""

    path = "/asterisk"
    subprotocols = ("media",)

    def __init__(self) -> None:
        self._marks: set[str] = set()

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        limit = _MAX_TEXT_BYTES if isinstance(frame, str) else _MAX_AUDIO_BYTES
        if len(frame) > limit:
            raise ProtocolError(f"a message of {len(frame)} bytes")
        return super().read(frame)

    def read_text(self, text: str) -> Iterable[Instruction]:
        """See RawCarrier."""
        name, mark = self.command_of(text)
        match name:
            case "MARK_MEDIA":
                self._marks.add(mark)
                return (Mark(mark),)
            case "FLUSH_MEDIA":
                self._marks.clear()
                return (Clear(),)
            case "HANGUP":
                return ()
            case _:
                raise ProtocolError(f"no such command: {name}")

    def played(self, name: str) -> Iterable[Frame]:
        """See Carrier."""
        if name in self._marks:
            self._marks.discard(name)
            yield self.mark_processed(name)

    @abstractmethod
    def command_of(self, text: str) -> tuple[str, str]:
        """The name of a command and the id of its mark. Raises ProtocolError."""

    @abstractmethod
    def mark_processed(self, mark: str) -> str:
        """The event that reports a mark."""


class AsteriskTextCarrier(_AsteriskCarrier):
    """Control messages as text, and mu-law."""

    name = "asterisk"
    rate = 8_000

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        ids = "connection_id:e226e283-c90a-4ea9-9e37-389000b9ef47 channel:WebSocket/a channel_id:pbx-1.1"
        yield f"MEDIA_START {ids} format:ulaw optimal_frame_size:{self.piece_bytes} ptime:20"

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        return (g711.encode_mulaw(np.frombuffer(pcm, dtype="<i2")),)

    def decode(self, audio: bytes) -> bytes:
        """See RawCarrier."""
        return g711.decode_mulaw(audio).astype("<i2").tobytes()

    @property
    def piece_bytes(self) -> int:
        """See RawCarrier."""
        return self.rate * self.packet_ms // 1000

    def command_of(self, text: str) -> tuple[str, str]:
        """See _AsteriskCarrier."""
        name, _, mark = text.partition(" ")
        return name, mark

    def mark_processed(self, mark: str) -> str:
        """See _AsteriskCarrier."""
        return f"MEDIA_MARK_PROCESSED {mark}"


class AsteriskJsonCarrier(_AsteriskCarrier):
    """Control messages as JSON, and 16-bit samples at 16 kHz."""

    name = "asterisk-json"

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        ids = {"connection_id": "1", "channel": "WebSocket/voicegw", "channel_id": "pbx-1.1"}
        kind = {"format": "slin16", "optimal_frame_size": self.piece_bytes, "ptime": 20}
        yield json.dumps({"event": "MEDIA_START", **ids, **kind, "channel_variables": {}})

    def command_of(self, text: str) -> tuple[str, str]:
        """See _AsteriskCarrier."""
        message = object_of(text)
        return str(message.get("command")), str(message.get("correlation_id", ""))

    def mark_processed(self, mark: str) -> str:
        """See _AsteriskCarrier."""
        return json.dumps({"event": "MEDIA_MARK_PROCESSED", "channel_id": "pbx-1.1", "correlation_id": mark})
