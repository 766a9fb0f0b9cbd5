"""The first line of a connection, which tells requests of the REST API from WebSockets and pages.

The latter are read by `websockets`, which reads no request bodies.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from voicegw.gateway.http.plain_http import MAX_REQUEST_BYTES


class RestServer(Protocol):
    """Answers the requests of the REST API."""

    def serves(self, path: str) -> bool:
        """Whether requests of this path are its own."""
        ...

    def accept(
        self, transport: asyncio.Transport, received: bytes, peer: str, finish_handshake: Callable[[], None]
    ) -> None:
        """Takes over a connection. received: its first bytes. finish_handshake: called when the head of its
        request has arrived, or the connection has ended."""
        ...


class RequestLine(asyncio.BufferedProtocol):
    """Reads a transport until the first line is complete. inbox: the buffer of one read.

    on_line: called with the path and all received bytes; another protocol is to take over. on_failure: called
    when the connection ends before, or the line has not arrived in time.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        inbox: memoryview,
        timeout_s: float,
        on_line: Callable[[str, bytes], None],
        on_failure: Callable[[], None],
    ) -> None:
        self._inbox = inbox
        self._on_line = on_line
        self._on_failure = on_failure
        self._received = bytearray()
        self._timer = asyncio.get_running_loop().call_later(timeout_s, transport.abort)
        transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """The buffer for the next read."""
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        """The buffer has `nbytes` new bytes."""
        self.receive(bytes(self._inbox[:nbytes]))

    def receive(self, data: bytes) -> None:
        """Buffers bytes until the line is complete, or too long for one."""
        self._received += data
        line, end, _ = self._received.partition(b"\n")
        if end or len(self._received) > MAX_REQUEST_BYTES:
            self._timer.cancel()
            self._on_line(path_of(bytes(line)), bytes(self._received))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended before its first line."""
        self._timer.cancel()
        self._on_failure()


def path_of(line: bytes) -> str:
    """The path in the first line of an HTTP request, without the query; empty for any other line."""
    parts = line.decode("latin-1").split()
    return parts[1].partition("?")[0] if len(parts) == 3 else ""
