"""The port of a carrier in the call simulator.

A `Carrier` is the carrier's side of one dialect for one call: it encodes what the carrier sends and decodes
what the server sends. It is pure; `connect` alone opens a connection. To add a carrier, implement this class
and add it to `CARRIERS` in `clients/call_simulator.py`. Playback, timing and figures are the same for all.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from clients.connector import proxy_for, refusal
from clients.errors import ConnectionLost, Unreachable

OPEN_S = 10.0  # for the upgrade

Frame = str | bytes


@dataclass(frozen=True, slots=True)
class Play:
    """Play this audio after what waits: s16le at the rate of the carrier."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """Report this name when the audio before it has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Drop the audio that waits, and report its marks at once."""


Instruction = Play | Mark | Clear


class Connection(Protocol):
    """An open connection to a server."""

    async def send(self, frame: Frame) -> None:
        """Sends one frame. Raises ConnectionLost."""
        ...

    async def receive(self) -> Frame | None:
        """The next frame; None after a normal close. Raises ConnectionLost."""
        ...

    async def close(self) -> None:
        """Closes the connection normally."""
        ...


class Carrier(ABC):
    """See the module. rate: of audio in both directions. packet_ms: audio of one packet of the caller.
    in_order: packets arrive in the order in which they were sent. closes: hanging up closes the connection.
    drops: it can drop audio that waits. path: of the dialect at the server."""

    name: ClassVar[str]
    path: ClassVar[str]
    rate: ClassVar[int] = 8_000
    packet_ms: ClassVar[int] = 20
    in_order: ClassVar[bool] = True
    closes: ClassVar[bool] = False
    drops: ClassVar[bool] = True

    def connect(self, url: str, token: str | None) -> AbstractAsyncContextManager[Connection]:
        """A connection to the server at `url`, which has no path. Raises Unreachable or Refused."""
        return open_socket(f"{url}{self.path}")

    @abstractmethod
    def begin(self, token: str | None) -> Iterable[Frame]:
        """The frames with which the call begins. token: of the server, if it requires one."""

    @abstractmethod
    def packet(self, pcm: bytes, number: int) -> Iterable[Frame]:
        """One packet of the caller's audio, counted from 0; lost packets are counted too."""

    @abstractmethod
    def read(self, frame: Frame) -> Iterable[Instruction]:
        """The requests of the server in a frame. Raises ProtocolError when the carrier would reject it."""

    def played(self, name: str) -> Iterable[Frame]:
        """The report that the audio before this mark was played, or dropped."""
        return ()

    @abstractmethod
    def end(self) -> Iterable[Frame]:
        """The frames with which the caller hangs up."""


class _Socket:
    """A WebSocket as a Connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: Frame) -> None:
        try:
            await self._socket.send(frame)
        except ConnectionClosed as closed:
            raise ConnectionLost.of(closed) from closed

    async def receive(self) -> Frame | None:
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code == 1000:
                return None
            raise ConnectionLost.of(closed) from closed

    async def close(self) -> None:
        await self._socket.close()


@asynccontextmanager
async def open_socket(
    url: str, subprotocols: Iterable[str] = (), headers: dict[str, str] | None = None
) -> AsyncIterator[Connection]:
    """A WebSocket to the URL. Raises Unreachable or Refused."""
    offered: list[object] = list(subprotocols)
    try:
        socket = await connect(
            url,
            subprotocols=offered or None,  # type: ignore[arg-type]  # Subprotocol is a name for str
            additional_headers=headers,
            compression=None,
            proxy=proxy_for(url),
            open_timeout=OPEN_S,
        )
    except InvalidStatus as refused:
        raise refusal(refused.response.status_code, refused.response.body) from refused
    except (InvalidURI, InvalidHandshake, OSError, TimeoutError) as error:
        raise Unreachable(f"no voicegw server answers at {url}: {error}") from error
    async with socket:
        yield _Socket(socket)
