"""The PBX's side of Asterisk's AudioSocket, with a bridge of its own to the server
(clients/telephony_bridge.py)."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from clients.audiosocket import SLIN, Kind, Packet, read_packet
from clients.bridged_call import Server
from clients.calls.carrier import Carrier, Connection, Frame, Instruction, Play
from clients.errors import ConnectionLost, ProtocolError
from clients.telephony_bridge import bridge
from voicegw.dialects import native

_HEADER_BYTES = 3
_PIECE_BYTES = 320  # 20 ms at 8 kHz


class AudioSocketCarrier(Carrier):
    """Asterisk's documentation, "AudioSocket". Audio is played when it comes, and cannot be dropped."""

    name = "audiosocket"
    drops = False
    path = native.PATH

    def connect(self, url: str, token: str | None) -> AbstractAsyncContextManager[Connection]:
        """See Carrier."""
        return _connected(f"{url}{self.path}", token)

    def begin(self, token: str | None) -> Iterable[Frame]:
        """See Carrier."""
        yield Packet(Kind.UUID, uuid.uuid4().bytes).encoded()

    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """See Carrier."""
        yield Packet(SLIN, pcm).encoded()

    def read(self, frame: Frame) -> Iterable[Instruction]:
        """See Carrier."""
        if not isinstance(frame, bytes) or frame[0] != SLIN or len(frame) != _HEADER_BYTES + _PIECE_BYTES:
            raise ProtocolError(f"not 20 ms of audio: {len(frame)} bytes")
        yield Play(frame[_HEADER_BYTES:])

    def end(self) -> Iterable[Frame]:
        """See Carrier."""
        yield Packet(Kind.HANG_UP).encoded()


class _TcpConnection:
    """A TCP connection as a Connection; a frame is a packet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, frame: Frame) -> None:
        assert isinstance(frame, bytes), "AudioSocket has no text"
        self._writer.write(frame)
        try:
            await self._writer.drain()
        except ConnectionError as error:
            raise ConnectionLost(f"the bridge closed the connection: {error}") from error

    async def receive(self) -> Frame | None:
        packet = await read_packet(self._reader)
        if packet is None:
            raise ConnectionLost("the bridge closed the connection without a hang-up")
        return None if packet.kind == Kind.HANG_UP else packet.encoded()

    async def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def _connected(url: str, token: str | None) -> AsyncIterator[Connection]:
    """A connection to a bridge to the server at `url`."""
    async with bridge("127.0.0.1:0", Server(url, token), max_calls=1) as address:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield _TcpConnection(reader, writer)
        finally:
            writer.close()
