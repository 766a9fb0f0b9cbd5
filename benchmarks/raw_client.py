"""A WebSocket client on a TCP socket: cheap, and able to violate the protocol.

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

SWITCHING_PROTOCOLS = 101  # the HTTP status of an answer that makes the connection a WebSocket
ANSWER_TIMEOUT_S = 20.0  # on a busy machine
_READ_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class ConnectionFailed(Exception):
    """The server closed the connection, or did not answer in time."""


def encoded(payload: bytes, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    """A masked frame as bytes."""
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
        self.socket = socket.create_connection((target.hostname, target.port or 80), ANSWER_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def close_code(self) -> int | None:
        """What the server closed with; None while it is open, 1006 without a close frame."""
        return self._protocol.close_code if self._protocol.state is State.CLOSED else None

    def secure(self, context: ssl.SSLContext) -> None:
        """Does the TLS handshake. Raises ConnectionFailed."""
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=self._host)
        except OSError as error:
            raise ConnectionFailed(f"in the TLS handshake: {error}") from error

    def handshake(self) -> bytes:
        """The request to upgrade, as bytes."""
        self._protocol.send_request(self._protocol.connect())
        return b"".join(self._protocol.data_to_send())

    def upgrade(self) -> int:
        """Asks for a WebSocket; the HTTP status of the answer, 101 when it is one. Raises
        ConnectionFailed."""
        self.send_raw(self.handshake())
        while not (events := self.receive()):
            if self.close_code is not None:
                raise ConnectionFailed("the handshake was not answered")
        answer, *frames = events
        assert isinstance(answer, Response)
        self._keep(frames)
        return answer.status_code

    def send(self, payload: bytes, opcode: Opcode = Opcode.BINARY) -> None:
        """Sends a message. Raises ConnectionFailed."""
        self.send_raw(encoded(payload, opcode))

    def send_raw(self, data: bytes) -> None:
        """Sends bytes as they are. Raises ConnectionFailed."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ConnectionFailed(f"while sending: {error}") from error

    def receive(self, timeout_s: float = ANSWER_TIMEOUT_S) -> list[Frame | Response]:
        """What the next piece read from the network completes, which may be nothing; pings are answered.

        Raises ConnectionFailed when nothing comes in `timeout_s`, or when nothing more can come.
        """
        if self.close_code is not None:
            raise ConnectionFailed(f"closed with {self.close_code}")
        self.socket.settimeout(timeout_s)
        try:
            data = self.socket.recv(_READ_BYTES)
        except TimeoutError:
            raise ConnectionFailed(f"no answer for {timeout_s:g} s") from None
        except OSError:
            data = b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._answer()
        return [event for event in self._protocol.events_received() if isinstance(event, Frame | Response)]

    def messages(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Iterator[bytes]:
        """Text messages as they come, until the server closes; another call continues where the last one
        stopped.

        Raises ConnectionFailed when nothing comes for `timeout_s`. The server sends every message in one
        frame; what it sends as binary is reply audio, which is ignored.
        """
        while True:
            while self._unread:
                yield self._unread.popleft()
            if self.close_code is not None:
                return
            self._keep(self.receive(timeout_s))

    def drain(self) -> None:
        """Throws away what has arrived, and answers its pings. Raises ConnectionFailed when the server has
        hung up."""
        self.socket.setblocking(False)
        try:
            while data := self.socket.recv(_READ_BYTES):
                self._protocol.receive_data(data)
            raise ConnectionFailed("the server closed the connection")
        except BlockingIOError:
            self.socket.settimeout(ANSWER_TIMEOUT_S)
            self._protocol.events_received()
            self._answer()
        except OSError as error:
            raise ConnectionFailed(f"while reading: {error}") from error

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    def _keep(self, events: Sequence[Frame | Response]) -> None:
        self._unread += (
            bytes(frame.data) for frame in events if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT
        )

    def _answer(self) -> None:
        """Sends pongs and the answer to a close frame."""
        for data in self._protocol.data_to_send():
            try:
                self.socket.sendall(data) if data else self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                return  # the server has closed the connection


def elapsed_ms(since_s: float) -> float:
    """From a moment on the monotonic clock until now."""
    return 1000 * (time.monotonic() - since_s)
