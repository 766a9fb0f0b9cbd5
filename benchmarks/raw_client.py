"""A WebSocket client on a bare TCP socket: as cheap as a client can be, and as rude as it is told to be.

The framing is the `websockets` package's own, without its tasks and buffers. Every wait has a timeout.
"""

import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Self
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

PATIENCE_S = 20.0  # for an answer, on a busy machine
_READ_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class Broken(Exception):
    """The server hung up, or did not answer in time."""


def encoded(payload: bytes, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    """A masked frame as it stands on the wire."""
    return Frame(opcode, payload, fin).serialize(mask=True)


class RawClient:
    """A TCP connection to the server of a ws:// or wss:// URL; `upgrade` makes it a WebSocket. With wss://,
    `secure` comes first."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        assert target.hostname is not None
        self._protocol = ClientProtocol(parse_uri(url), max_size=None)
        self._unread: deque[bytes] = deque()
        self._host = target.hostname
        self.socket = socket.create_connection((target.hostname, target.port or 80), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def close_code(self) -> int | None:
        """What the server closed with; None while it has not closed, 1006 when it just hung up."""
        return self._protocol.close_code if self._protocol.state is State.CLOSED else None

    def secure(self, context: ssl.SSLContext) -> None:
        """Does the TLS handshake. Raises Broken."""
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=self._host)
        except OSError as error:
            raise Broken(f"in the TLS handshake: {error}") from error

    def handshake(self) -> bytes:
        """The request to upgrade, as it stands on the wire."""
        self._protocol.send_request(self._protocol.connect())
        return b"".join(self._protocol.data_to_send())

    def upgrade(self) -> int:
        """Asks for a WebSocket; the HTTP status of the answer, 101 when it is one. Raises Broken."""
        self.send_raw(self.handshake())
        while not (events := self.receive()):
            if self.close_code is not None:
                raise Broken("the handshake was not answered")
        answer, *frames = events
        assert isinstance(answer, Response)
        self._keep(frames)
        return answer.status_code

    def send(self, payload: bytes, opcode: Opcode = Opcode.BINARY) -> None:
        """Sends a message. Raises Broken."""
        self.send_raw(encoded(payload, opcode))

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are. Raises Broken."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise Broken(f"while sending: {error}") from error

    def receive(self, timeout_s: float = PATIENCE_S) -> list[Frame | Response]:
        """What the next piece read from the network completes, which may be nothing; pings are answered.

        Raises Broken when nothing comes in `timeout_s`, or when nothing more can come.
        """
        if self.close_code is not None:
            raise Broken(f"closed with {self.close_code}")
        self.socket.settimeout(timeout_s)
        try:
            data = self.socket.recv(_READ_BYTES)
        except TimeoutError:
            raise Broken(f"no answer for {timeout_s:g} s") from None
        except OSError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._answer()
        return [event for event in self._protocol.events_received() if isinstance(event, Frame | Response)]

    def messages(self, timeout_s: float = PATIENCE_S) -> Iterator[bytes]:
        """Text messages as they come, until the server closes; another call goes on where one was left.

        Raises Broken when nothing comes for `timeout_s`. The server sends every message in one frame; what it
        sends as binary is reply audio, which nobody here wants to hear.
        """
        while True:
            while self._unread:
                yield self._unread.popleft()
            if self.close_code is not None:
                return
            self._keep(self.receive(timeout_s))

    def drain(self) -> None:
        """Throws away what has arrived, and answers its pings. Raises Broken when the server has hung up."""
        self.socket.setblocking(False)
        try:
            while data := self.socket.recv(_READ_BYTES):
                self._protocol.receive_data(data)
            raise Broken("the server has hung up")
        except BlockingIOError:
            self.socket.settimeout(PATIENCE_S)
            self._protocol.events_received()
            self._answer()
        except OSError as error:
            raise Broken(f"while reading: {error}") from error

    def reset(self) -> None:
        """Hangs up with a TCP reset, in the middle of whatever is under way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    def _keep(self, events: Sequence[Frame | Response]) -> None:
        self._unread += (
            bytes(frame.data) for frame in events if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT
        )

    def _answer(self) -> None:
        """Sends what the protocol asks for: pongs, and the second half of the closing handshake."""
        for data in self._protocol.data_to_send():
            try:
                self.socket.sendall(data) if data else self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                return  # it is the server that has gone first


def elapsed_ms(since_s: float) -> float:
    """From a moment on the monotonic clock until now."""
    return 1000 * (time.monotonic() - since_s)
