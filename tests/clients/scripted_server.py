"""A real WebSocket server on loopback that speaks the native dialect from a script, for client tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.observing import PATIENCE_S
from voicegw.core import events
from voicegw.core.events import EndReason, ReplyReason
from voicegw.dialects import native

LIMITS = events.Limits(max_message_bytes=65536, max_burst_ms=5000, idle_timeout_ms=60000)
READY = native.ReadyMessage(seq=1, session="s1", epoch=1, resumed=False, next_sample=0, limits=LIMITS)
PARTIAL = native.PartialMessage(seq=3, turn=1, stable="What time", tentative="is it", audio_ms=900)
FINAL = native.FinalMessage(seq=5, turn=1, text="What time is it?", words=[], start_ms=400, end_ms=1300)
DONE = native.ReplyDoneMessage(seq=8, turn=1, text="It is noon.", reason=ReplyReason.COMPLETED)
LATENCY = native.LatencyMessage(seq=9, turn=1, endpoint_ms=520, final_ms=590, first_token_ms=640, done_ms=900)
TURN: tuple[native.ServerMessage, ...] = (
    native.SpeechStartedMessage(seq=2, turn=1, at_ms=500),
    PARTIAL,
    native.SpeechStoppedMessage(seq=4, turn=1, at_ms=1300, reason=EndReason.SILENCE),
    FINAL,
    native.ReplyStartedMessage(seq=6, turn=1),
    native.ReplyDeltaMessage(seq=7, turn=1, text="It is noon."),
    DONE,
    LATENCY,
)

_requests: msgspec.json.Decoder[native.ClientMessage] = msgspec.json.Decoder(native.ClientMessage)


@dataclass(eq=False)
class Peer:
    """The server's end of one connection: what it got, and the script's means."""

    socket: ServerConnection
    audio: bytearray = field(default_factory=bytearray)
    requests: list[native.ClientMessage] = field(default_factory=list)

    async def send(self, *messages: native.ServerMessage) -> None:
        for message in messages:
            await self.socket.send(msgspec.json.encode(message).decode())

    async def until(self, kind: type[native.Inbound]) -> None:
        """Read until a message of this kind, or until the client has gone."""
        async for data in self.socket:
            if isinstance(data, bytes):
                self.audio += data
            else:
                self.requests.append(_requests.decode(data))
                if isinstance(self.requests[-1], kind):
                    return


Script = Callable[[Peer], Awaitable[None]]


@dataclass(eq=False)
class ScriptedServer:
    url: str
    refuse_with: tuple[HTTPStatus, str] | None = None
    peers: list[Peer] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


async def one_turn(peer: Peer) -> None:
    """Greets, waits for `end`, and gives one whole turn."""
    await peer.send(READY)
    await peer.until(native.EndMessage)
    await peer.send(*TURN)


@asynccontextmanager
async def scripted_server(
    script: Script = one_turn, *, refuse_with: tuple[HTTPStatus, str] | None = None
) -> AsyncIterator[ScriptedServer]:
    """Runs `script` for every connection, or answers the upgrade with a status and a body."""
    scripted = ScriptedServer("", refuse_with)

    async def on_connection(socket: ServerConnection) -> None:
        scripted.peers.append(Peer(socket))
        await script(scripted.peers[-1])

    def on_request(connection: ServerConnection, request: Request) -> Response | None:
        scripted.paths.append(request.path)
        return connection.respond(*scripted.refuse_with) if scripted.refuse_with else None

    async with serve(
        on_connection,
        "127.0.0.1",
        0,
        process_request=on_request,
        subprotocols=[Subprotocol(native.SUBPROTOCOL)],
        compression=None,
    ) as server:
        scripted.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}{native.PATH}"
        async with asyncio.timeout(PATIENCE_S):
            yield scripted
