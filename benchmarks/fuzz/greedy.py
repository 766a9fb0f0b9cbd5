"""Greedy clients: each takes as much of a server as one connection can, within the protocol or beyond it.

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

from benchmarks.raw_client import Broken, RawClient, encoded
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

SWITCHING_PROTOCOLS = 101
PAUSE_S = 0.2  # before the next session
BURST_FRAMES = 100
BURST_S = 0.1  # of small frames: twice as many as are taken, or their backlog would outlive the client by far
BUFFER_BYTES = 4_096  # that the system keeps for a client: what is sent is then soon with the server
FRAGMENTS = 6_000  # of one message, which is more than the transport takes
TINY_FRAGMENTS = 2_000  # which is not
_HALF_WORD = bytes(range(256)) * (SAMPLE_RATE // 256)  # 1 s of audio that is no silence
_PING = encoded(b"p" * 125, Opcode.PING)
_EMPTY = encoded(b"")
_ONE_SAMPLE = encoded(b"\1\0")

Burst = Callable[[RawClient, Random], int]


def _text(**message: object) -> bytes:
    return encoded(json.dumps(message).encode(), Opcode.TEXT)


_LONG_QUESTION = _text(type="text", text="Say " + "word " * 1_500)
_LONG_TURN = _text(type="text", text="é" * 4_000)
_SHORT_TURN = _text(type="text", text="What is one plus one?")


def pings(wire: RawClient, rng: Random) -> int:
    """Pings, whose pongs are not read."""
    wire.send_raw(_PING * BURST_FRAMES)
    return BURST_FRAMES


def fragments(wire: RawClient, rng: Random) -> int:
    """A message of audio in thousands of fragments of one sample; sometimes of more than are taken."""
    count = rng.choice((TINY_FRAGMENTS, FRAGMENTS))
    wire.send_raw(encoded(b"", fin=False))
    for _ in range(count // BURST_FRAMES):
        wire.send_raw(encoded(b"\1\0", Opcode.CONT, fin=False) * BURST_FRAMES)
        time.sleep(BURST_S)
    wire.send_raw(encoded(b"", Opcode.CONT))
    wire.drain()
    return count + 2


def empty_frames(wire: RawClient, rng: Random) -> int:
    """Frames without audio: each is rejected, and too many end the session."""
    wire.send_raw(_EMPTY * BURST_FRAMES)
    wire.drain()
    return BURST_FRAMES


def tiny_frames(wire: RawClient, rng: Random) -> int:
    """Frames of one sample."""
    wire.send_raw(_ONE_SAMPLE * BURST_FRAMES)
    time.sleep(BURST_S)
    wire.drain()
    return BURST_FRAMES


def unread_replies(wire: RawClient, rng: Random) -> int:
    """Asks for long replies, and reads none."""
    wire.send_raw(_LONG_QUESTION)
    return 1


def parked_sessions(wire: RawClient, rng: Random) -> int:
    """Speaks, drops the connection, and comes back as somebody else."""
    wire.send(_HALF_WORD)
    wire.reset()
    return 1


def long_histories(wire: RawClient, rng: Random) -> int:
    """Typed messages of some thousand characters, as many as are taken."""
    wire.send_raw(_LONG_TURN)
    wire.drain()
    return 1


def acknowledgements(wire: RawClient, rng: Random) -> int:
    """Acknowledges events that there were, and that there were not."""
    wire.send_raw(b"".join(_text(type="ack", seq=rng.randrange(2**31)) for _ in range(BURST_FRAMES)))
    wire.drain()
    return BURST_FRAMES


def unacknowledged_events(wire: RawClient, rng: Random) -> int:
    """Short turns whose events are read, and never acknowledged."""
    wire.send_raw(_SHORT_TURN * 10)
    wire.drain()
    return 10


def long_messages(wire: RawClient, rng: Random) -> int:
    """JSON just below the greatest size, right or not."""
    filler = native.MAX_MESSAGE_BYTES - 100
    right = b'{"type":"ack","seq":1' + b" " * filler + b"}"
    wrong = b'{"type":"configure","key_terms":[' + b"[]," * (filler // 3) + b"1]}"
    wire.send(rng.choice((right, right, right, wrong)), Opcode.TEXT)
    wire.drain()
    return 1


KINDS: tuple[Burst, ...] = (
    *(pings, fragments, empty_frames, tiny_frames, unread_replies, parked_sessions),
    *(long_histories, acknowledgements, unacknowledged_events, long_messages),
)


def meaning_of(kind: Burst) -> str:
    """What clients of this kind do."""
    return inspect.getdoc(kind) or ""


@dataclass
class Client:
    """A client of one kind. sent: frames; sessions: opened; refused: not opened; cut: ended by the server, or
    dropped by a kind that does so."""

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
                    self._take_part(self._wire)
            except (Broken, OSError):
                self.cut += 1
            self._over.wait(PAUSE_S)

    def stop(self) -> None:
        """Ends it, whatever it waits for; from another thread."""
        self._over.set()
        if self._wire is not None:
            with suppress(OSError):  # it has hung up by itself
                self._wire.socket.shutdown(socket.SHUT_RDWR)

    def _take_part(self, wire: RawClient) -> None:
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            wire.socket.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
        if wire.upgrade() != SWITCHING_PROTOCOLS:
            self.refused += 1
            return
        self.sessions += 1
        while not self._over.is_set():
            self.sent += self.kind(wire, self.rng)
