"""Clients that stop reading or disconnect abruptly at some point of a session.

Clients that stop reading keep their socket open and read nothing any more; the others close it without a
closing handshake, with or without a reset.
"""

import socket
import ssl
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from random import Random

from websockets.frames import Opcode

from benchmarks.raw_client import SWITCHING_PROTOCOLS, ConnectionFailed, RawClient, encoded

_RECEIVE_BYTES = 4_096  # the receive buffer of the system
_AUDIO = struct.pack("<h", 8_000) * 1_600  # 100 ms
_END = b'{"type":"end"}'
_LONG_ANSWER = b'{"type":"text","text":"Say ' + b"x" * 7_000 + b'"}'
_LONG_ANSWERS = 250  # more than the outbox and the buffers of the system hold
_CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of one


class Point(Enum):
    """The point at which a client becomes unresponsive."""

    CONNECTED = "connected, and nothing sent"
    HANDSHAKE = "during the handshake; with TLS, during that of TLS"
    REQUEST = "during the request"
    GREETING = "upgraded, before the first message"
    SPEECH = "during a word"
    REPLY = "during long replies"
    CLOSE = "after `end`, before the close frame is answered"
    SHUTDOWN = "after the closing handshake, before the end of TLS or TCP"


class Behaviour(Enum):
    """What a client does at that point."""

    STOPS_READING = "keeps the socket, and reads nothing"
    VANISHES = "closes the socket without a closing handshake"
    RESETS = "resets the connection"


@dataclass(frozen=True)
class UnresponsiveClient:
    """A client that becomes unresponsive at `point`. context: for TLS, if the server requires it."""

    point: Point
    behaviour: Behaviour
    context: ssl.SSLContext | None = None

    def run(self, url: str) -> RawClient:
        """The connection as the client leaves it; to be closed by the caller. Raises ConnectionFailed and
        OSError when it is not served so far."""
        connection = RawClient(url)
        try:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            self._go(connection)
        except BaseException:
            connection.socket.close()
            raise
        if self.behaviour is Behaviour.VANISHES:
            connection.socket.close()
        elif self.behaviour is Behaviour.RESETS:
            connection.reset()
        return connection

    def _go(self, connection: RawClient) -> None:
        if self.point is Point.HANDSHAKE and self.context is not None:
            connection.send_raw(_CLIENT_HELLO)
        elif self.point is not Point.CONNECTED:
            if self.context is not None:
                connection.secure(self.context)
            self._open(connection)

    def _open(self, connection: RawClient) -> None:
        if self.point in (Point.HANDSHAKE, Point.REQUEST):
            connection.send_raw(connection.handshake()[:-10])
        elif self.point is Point.GREETING:
            connection.send_raw(connection.handshake())
        elif connection.upgrade() != SWITCHING_PROTOCOLS:
            raise ConnectionFailed("refused")
        else:
            self._take_part(connection)

    def _take_part(self, connection: RawClient) -> None:
        if self.point is Point.SPEECH:
            connection.send_raw(encoded(_AUDIO) * 5)
        elif self.point is Point.REPLY:
            _send_unread(connection, [encoded(_LONG_ANSWER, Opcode.TEXT)] * _LONG_ANSWERS)
        elif self.point is Point.CLOSE:
            connection.send(_END, Opcode.TEXT)
        else:
            connection.send(_END, Opcode.TEXT)
            for _ in connection.messages():
                pass


def _send_unread(connection: RawClient, messages: Iterable[bytes]) -> None:
    """Sends as much as the server accepts from a client that reads nothing."""
    connection.socket.settimeout(0.5)
    with suppress(ConnectionFailed):
        for message in messages:
            connection.send_raw(message)


def normal_session(url: str, context: ssl.SSLContext | None = None) -> None:
    """A session of a correct client. Raises ConnectionFailed and OSError when it is not served."""
    with RawClient(url) as connection:
        if context is not None:
            connection.secure(context)
        if connection.upgrade() != SWITCHING_PROTOCOLS:
            raise ConnectionFailed("refused")
        connection.send(b'{"type":"text","text":"What is one plus one?"}', Opcode.TEXT)
        connection.send(_END, Opcode.TEXT)
        messages = list(connection.messages())
        if connection.close_code != 1000 or not any(b'"reply_done"' in message for message in messages):
            raise ConnectionFailed(f"closed with {connection.close_code}")


def random_client(rng: Random, context: ssl.SSLContext | None) -> UnresponsiveClient:
    """A client with a random point and behaviour."""
    return UnresponsiveClient(rng.choice(tuple(Point)), rng.choice(tuple(Behaviour)), context)
