"""A TCP relay between clients and a gateway, with a delay. Its connections can be reset, or stop transmitting
without being closed, as in a mobile network."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
_READ_BYTES = 65_536


class _Pair:
    """A client connection and its connection to the gateway; nothing is relayed unless `flowing` is set."""

    def __init__(self, delay_s: float, *ends: asyncio.StreamWriter) -> None:
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._delay_s = delay_s
        self._ends = ends

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                await asyncio.sleep(self._delay_s)
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            self.cut()
        await self.flowing.wait()
        writer.close()

    def cut(self) -> None:
        """Reset both connections."""
        self.flowing.set()
        for end in self._ends:
            with suppress(OSError):  # it is closed already
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()


class Relay:
    """The relay of one gateway. url: of the relay; connections: accepted so far."""

    def __init__(self, target: str, delay_s: float) -> None:
        self.connections = 0
        self._target = urlsplit(target)
        self._delay_s = delay_s
        self._pairs: set[_Pair] = set()
        self.relays: set[asyncio.Task[None]] = set()
        self.url = ""

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relays one connection until it ends; if the gateway is not reachable, it ends at once."""
        self.connections += 1
        task = asyncio.create_task(self._relay(reader, writer), name="relay")
        self.relays.add(task)
        task.add_done_callback(self.relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(self._delay_s, writer, to[1])
        self._pairs.add(pair)
        try:
            await asyncio.gather(pair.relay(reader, to[1]), pair.relay(to[0], writer))
        finally:
            self._pairs.discard(pair)
            pair.cut()

    def cut(self) -> None:
        """Reset all connections."""
        for pair in tuple(self._pairs):
            pair.cut()

    def silence(self) -> None:
        """Stop relaying on the present connections, without closing them; new ones work."""
        for pair in self._pairs:
            pair.flowing.clear()


@asynccontextmanager
async def relay(target: str, delay_s: float = 0.0) -> AsyncIterator[Relay]:
    """A relay for the duration of the block. delay_s: in each direction."""
    made = Relay(target, delay_s)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made.url = f"ws://127.0.0.1:{port}{urlsplit(target).path}"
    try:
        yield made
    finally:
        server.close()
        made.cut()
        await asyncio.gather(*made.relays, return_exceptions=True)
