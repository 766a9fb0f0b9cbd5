"""Clients that stop reading, or vanish, at some point of a session's life.

Those that stop reading keep their socket open and read nothing any more; those that vanish close it without
a word, by a reset or not.
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

from benchmarks.raw_client import Broken, RawClient, encoded

SWITCHING_PROTOCOLS = 101
_RECEIVE_BYTES = 4_096  # that the system keeps of what is not read
_LOUD = struct.pack("<h", 8_000) * 1_600  # 100 ms
_END = b'{"type":"end"}'
_LONG_ANSWER = b'{"type":"text","text":"Say ' + b"x" * 7_000 + b'"}'
_LONG_ANSWERS = 250  # more than an outbox and the system's buffers hold
_CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # how one begins


class Point(Enum):
    """How far a session gets."""

    CONNECTED = "connected, and nothing sent"
    HANDSHAKE = "in the middle of the handshake: of TLS, where there is TLS"
    REQUEST = "in the middle of the request"
    GREETING = "upgraded, before the first message"
    SPEECH = "in the middle of a word"
    REPLY = "in the middle of long replies"
    CLOSE = "after `end`, before the close frame is answered"
    SHUTDOWN = "after the closing handshake, before the end of TLS or TCP"


class Way(Enum):
    """What becomes of a client there."""

    STOPS_READING = "keeps the socket, and reads nothing"
    VANISHES = "closes the socket without a word"
    RESETS = "resets the connection"


@dataclass(frozen=True)
class Absent:
    """A client that goes as far as `point`. context: for TLS, if the server wants it."""

    point: Point
    way: Way
    context: ssl.SSLContext | None = None

    def run(self, url: str) -> RawClient:
        """The connection as the client leaves it; to be closed by the caller. Raises Broken and OSError when
        it is not served so far."""
        wire = RawClient(url)
        try:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            self._go(wire)
        except BaseException:
            wire.socket.close()
            raise
        if self.way is Way.VANISHES:
            wire.socket.close()
        elif self.way is Way.RESETS:
            wire.reset()
        return wire

    def _go(self, wire: RawClient) -> None:
        if self.point is Point.HANDSHAKE and self.context is not None:
            wire.send_raw(_CLIENT_HELLO)
        elif self.point is not Point.CONNECTED:
            if self.context is not None:
                wire.secure(self.context)
            self._open(wire)

    def _open(self, wire: RawClient) -> None:
        if self.point in (Point.HANDSHAKE, Point.REQUEST):
            wire.send_raw(wire.handshake()[:-10])
        elif self.point is Point.GREETING:
            wire.send_raw(wire.handshake())
        elif wire.upgrade() != SWITCHING_PROTOCOLS:
            raise Broken("refused")
        else:
            self._take_part(wire)

    def _take_part(self, wire: RawClient) -> None:
        if self.point is Point.SPEECH:
            wire.send_raw(encoded(_LOUD) * 5)
        elif self.point is Point.REPLY:
            _send_unread(wire, [encoded(_LONG_ANSWER, Opcode.TEXT)] * _LONG_ANSWERS)
        elif self.point is Point.CLOSE:
            wire.send(_END, Opcode.TEXT)
        else:
            wire.send(_END, Opcode.TEXT)
            for _ in wire.messages():
                pass


def _send_unread(wire: RawClient, messages: Iterable[bytes]) -> None:
    """As much as the server takes from a client that reads nothing; it may stop reading as well."""
    wire.socket.settimeout(0.5)
    with suppress(Broken):
        for message in messages:
            wire.send_raw(message)


def converse(url: str, context: ssl.SSLContext | None = None) -> None:
    """A client that behaves. Raises Broken and OSError when it is not served."""
    with RawClient(url) as wire:
        if context is not None:
            wire.secure(context)
        if wire.upgrade() != SWITCHING_PROTOCOLS:
            raise Broken("refused")
        wire.send(b'{"type":"text","text":"What is one plus one?"}', Opcode.TEXT)
        wire.send(_END, Opcode.TEXT)
        messages = list(wire.messages())
        if wire.close_code != 1000 or not any(b'"reply_done"' in message for message in messages):
            raise Broken(f"closed with {wire.close_code}")


def drawn(rng: Random, context: ssl.SSLContext | None) -> Absent:
    """A point and a way at random."""
    return Absent(rng.choice(tuple(Point)), rng.choice(tuple(Way)), context)
