"""Greedy clients: each uses as many resources of a server as one connection can, within the protocol or not.

A kind is a function that sends one burst over an open session and returns how many frames that were. A client
repeats bursts of its kind, and opens the next session when the server has ended one.
"""

import inspect
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from websockets.frames import Opcode

from benchmarks.raw_client import SWITCHING_PROTOCOLS, ConnectionFailed, RawClient, encoded
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

PAUSE_S = 0.2  # before the next session
BURST_FRAMES = 100
BURST_S = 0.1  # of small frames: twice the accepted rate; more would leave a long backlog
BUFFER_BYTES = 4_096  # of the client's socket, small, so that the server receives soon what is sent
FRAGMENTS = 6_000  # of one message, more than the transport accepts
TINY_FRAGMENTS = 2_000  # accepted
_HALF_WORD = bytes(range(256)) * (SAMPLE_RATE // 256)  # 1 s of audio that is not silence
_PING = encoded(b"p" * 125, Opcode.PING)
_EMPTY = encoded(b"")
_ONE_SAMPLE = encoded(b"\1\0")

Burst = Callable[[RawClient, Random], int]


def _text(**message: object) -> bytes:
    return encoded(json.dumps(message).encode(), Opcode.TEXT)


_LONG_QUESTION = _text(type="text", text="Say " + "word " * 1_500)
_LONG_TURN = _text(type="text", text="é" * 4_000)
_SHORT_TURN = _text(type="text", text="What is one plus one?")


def pings(connection: RawClient, rng: Random) -> int:
    """Pings, whose pongs are not read."""
    connection.send_raw(_PING * BURST_FRAMES)
    return BURST_FRAMES


def fragments(connection: RawClient, rng: Random) -> int:
    """A message of audio in thousands of fragments of one sample; sometimes more than are accepted."""
    count = rng.choice((TINY_FRAGMENTS, FRAGMENTS))
    connection.send_raw(encoded(b"", fin=False))
    for _ in range(count // BURST_FRAMES):
        connection.send_raw(encoded(b"\1\0", Opcode.CONT, fin=False) * BURST_FRAMES)
        time.sleep(BURST_S)
    connection.send_raw(encoded(b"", Opcode.CONT))
    connection.drain()
    return count + 2


def empty_frames(connection: RawClient, rng: Random) -> int:
    """Frames without audio: each is rejected, and too many end the session."""
    connection.send_raw(_EMPTY * BURST_FRAMES)
    connection.drain()
    return BURST_FRAMES


def tiny_frames(connection: RawClient, rng: Random) -> int:
    """Frames of one sample."""
    connection.send_raw(_ONE_SAMPLE * BURST_FRAMES)
    time.sleep(BURST_S)
    connection.drain()
    return BURST_FRAMES


def unread_replies(connection: RawClient, rng: Random) -> int:
    """Asks for long replies, and reads none."""
    connection.send_raw(_LONG_QUESTION)
    return 1


def detached_sessions(connection: RawClient, rng: Random) -> int:
    """Sends speech, resets the connection, and opens another session."""
    connection.send(_HALF_WORD)
    connection.reset()
    return 1


def long_histories(connection: RawClient, rng: Random) -> int:
    """Text messages of thousands of characters, as many as are accepted."""
    connection.send_raw(_LONG_TURN)
    connection.drain()
    return 1


def acknowledgements(connection: RawClient, rng: Random) -> int:
    """Acknowledges events that exist and that do not exist."""
    connection.send_raw(b"".join(_text(type="ack", seq=rng.randrange(2**31)) for _ in range(BURST_FRAMES)))
    connection.drain()
    return BURST_FRAMES


def unacknowledged_events(connection: RawClient, rng: Random) -> int:
    """Short turns whose events are read, and never acknowledged."""
    connection.send_raw(_SHORT_TURN * 10)
    connection.drain()
    return 10


def long_messages(connection: RawClient, rng: Random) -> int:
    """JSON just below the maximum size, valid or not."""
    filler = native.MAX_MESSAGE_BYTES - 100
    right = b'{"type":"ack","seq":1' + b" " * filler + b"}"
    wrong = b'{"type":"configure","key_terms":[' + b"[]," * (filler // 3) + b"1]}"
    connection.send(rng.choice((right, right, right, wrong)), Opcode.TEXT)
    connection.drain()
    return 1


KINDS: tuple[Burst, ...] = (
    *(pings, fragments, empty_frames, tiny_frames, unread_replies, detached_sessions),
    *(long_histories, acknowledgements, unacknowledged_events, long_messages),
)


def meaning_of(kind: Burst) -> str:
    """The description of this kind of client."""
    return inspect.getdoc(kind) or ""


@dataclass
class Client:
    """A client of one kind. sent: frames; sessions: opened; refused: not opened; cut: closed by the server,
    or by the client itself."""

    url: str
    kind: Burst
    rng: Random
    sent: int = 0
    sessions: int = 0
    refused: int = 0
    cut: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _wire: RawClient | None = None

    def run(self) -> None:
        """Until `stop`."""
        while not self._over.is_set():
            try:
                with RawClient(self.url) as self._wire:
                    self._send_bursts(self._wire)
            except (ConnectionFailed, OSError):
                self.cut += 1
            self._over.wait(PAUSE_S)

    def stop(self) -> None:
        """End it from another thread, also while it waits."""
        self._over.set()
        if self._wire is not None:
            with suppress(OSError):  # it is closed already
                self._wire.socket.shutdown(socket.SHUT_RDWR)

    def _send_bursts(self, connection: RawClient) -> None:
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connection.socket.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
        if connection.upgrade() != SWITCHING_PROTOCOLS:
            self.refused += 1
            return
        self.sessions += 1
        while not self._over.is_set():
            self.sent += self.kind(connection, self.rng)
