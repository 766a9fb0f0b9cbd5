"""The AudioSocket protocol of Asterisk: packets over TCP, each with a type, a length and content.

Asterisk accepts only audio and a hang-up; it ends a call for anything else (Asterisk's documentation,
"AudioSocket"; res_audiosocket.c).
"""

import asyncio
import struct
from dataclasses import dataclass
from enum import IntEnum

_HEADER = struct.Struct(">BH")
UUID_BYTES = 16


class Kind(IntEnum):
    """The types of packets that are not audio."""

    HANG_UP = 0x00
    UUID = 0x01
    DTMF = 0x03
    ERROR = 0xFF


RATES = {0x10: 8_000, 0x12: 16_000, 0x13: 24_000, 0x16: 48_000}  # of audio, s16le, by its type
SLIN = 0x10


@dataclass(frozen=True, slots=True)
class Packet:
    """kind: a Kind, a type of audio, or a type that is not known here."""

    kind: int
    content: bytes = b""

    def encoded(self) -> bytes:
        """The bytes of the packet, for one write: Asterisk reads the header in one piece."""
        return _HEADER.pack(self.kind, len(self.content)) + self.content


class PacketReader:
    """Reads packets. A read that is cancelled loses nothing: the next one continues it."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._header: tuple[int, int] | None = None  # of the packet whose content is to be read

    async def read(self) -> Packet | None:
        """The next packet; None at the end of the connection, also within a packet."""
        try:
            if self._header is None:
                self._header = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
            kind, length = self._header
            content = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self._header = None
        return Packet(kind, content)


async def read_packet(reader: asyncio.StreamReader) -> Packet | None:
    """As `PacketReader.read`, for a reader of whole packets."""
    return await PacketReader(reader).read()
