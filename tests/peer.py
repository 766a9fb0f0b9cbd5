"""The far end of a session, as rude as a test needs it: sends any frame, and checks what every client may
rely on, that messages decode and that their numbers have no gaps."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.observing import PATIENCE_S
from voicegw.dialects import native

FRAME_BYTES = 3_200  # 100 ms of PCM at 16 kHz

Kind = TypeVar("Kind", bound=native.Outbound)

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class Peer:
    """One open connection; `messages` is all that was received, on earlier ones of the session too."""

    def __init__(self, socket: ClientConnection, seen: Sequence[native.ServerMessage] = ()) -> None:
        self.socket = socket
        self.messages: list[native.ServerMessage] = [*seen]
        self.audio: list[tuple[float, bytes]] = []  # binary frames, with the monotonic second they came

    async def send(self, *messages: str | bytes | native.Inbound) -> None:
        for message in messages:
            raw = msgspec.json.encode(message).decode() if isinstance(message, native.Inbound) else message
            await self.socket.send(raw)

    async def say(self, pcm: bytes) -> None:
        """All of the audio at once, in frames."""
        await self.send(*(pcm[begin : begin + FRAME_BYTES] for begin in range(0, len(pcm), FRAME_BYTES)))

    async def receive(self) -> native.ServerMessage:
        """The next message, numbered one more than the last; reply audio before it goes to `audio`."""
        async with asyncio.timeout(PATIENCE_S):
            while isinstance(frame := await self.socket.recv(), bytes):
                self.audio.append((time.monotonic(), frame))
        message = _decoder.decode(frame)
        self.messages.append(message)
        assert message.seq == len(self.messages)
        return message

    async def until(self, kind: type[Kind]) -> Kind:
        """The next message of this kind; what comes before it is kept in `messages`."""
        while not isinstance(message := await self.receive(), kind):
            assert not isinstance(message, native.ErrorMessage), message
        return message

    async def until_error(self) -> native.ErrorMessage:
        """The next error event."""
        return await self.until(native.ErrorMessage)

    async def error(self) -> str:
        """The code of the next error event."""
        return (await self.until_error()).code

    async def closed(self) -> int:
        """The close code, after whatever else is still to come."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as closed:
            return 1006 if closed.rcvd is None else closed.rcvd.code

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The messages of this kind so far."""
        return [message for message in self.messages if isinstance(message, kind)]


@asynccontextmanager
async def joined(
    url: str, query: str = "", *, seen: Sequence[native.ServerMessage] = (), **options: Any
) -> AsyncIterator[Peer]:
    """A session that has been greeted. seen: what came before, of one that is resumed."""
    patient = {"open_timeout": PATIENCE_S, **options}
    async with connect(f"{url}?{query}", compression=None, proxy=None, **patient) as socket:
        peer = Peer(socket, seen)
        await peer.until(native.ReadyMessage)
        yield peer
