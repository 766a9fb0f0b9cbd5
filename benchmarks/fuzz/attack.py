"""One rude client: opens a session, or half of one, sends what it likes, and goes as it likes.

What it checks is what any client may rely on, whatever it did itself: that every message can be read, that
their numbers have no gaps, that every error is one of the documented ones, and that the server is never
the one to fail.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random

import msgspec
from websockets.frames import Opcode

from benchmarks.fuzz import corpus
from benchmarks.raw_client import Broken, RawClient, encoded
from tests.error_table import tree
from voicegw import errors
from voicegw.dialects import native

SWITCHING_PROTOCOLS = 101
LISTEN_S = 0.02  # for answers while there is more to send
PATIENCE_S = 30.0  # for an answer that has to come
MARK = b'{"type":"are you there"}'
CODES = {error.code for error in tree()}
CLOSE_CODES = {error.close_code for error in tree()} - {errors.InternalError.close_code, None} | {
    *(1000, 1001),
    *(1002, 1007, 1009),  # of the transport, for frames that break its own rules
}
STATUSES = {error.http_status for error in tree()} - {None} | {400, 414, 426, 431, SWITCHING_PROTOCOLS}

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class Violation(AssertionError):
    """The server did what no client may see."""


class Ending(Enum):
    """How a client goes."""

    POLITE = "`end`, then all there is to come"
    RESET = "a TCP reset"
    HALF_FRAME = "in the middle of a frame, by a reset"
    SILENT = "the connection closed without a word"
    HANDSHAKE = "in the middle of the handshake"


@dataclass
class Outcome:
    """What was sent, and which errors answered it."""

    ending: Ending
    sent: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def abrupt(self) -> bool:
        return self.ending is not Ending.POLITE


class Attack:
    """`rng` decides everything. Raises Violation."""

    def __init__(self, url: str, rng: Random, ending: Ending) -> None:
        self._url = url
        self._rng = rng
        self._seq = 0
        self._garbled = False
        self.outcome = Outcome(ending)

    def run(self, messages: int) -> Outcome:
        """Sends up to so many messages; fewer when the server closes before."""
        with RawClient(f"{self._url}{self._query()}") as wire:
            if self.outcome.ending is Ending.HANDSHAKE:
                self._break_off_handshake(wire)
            elif self._opened(wire):
                for _ in range(messages):
                    if not self._send(wire):
                        break
                self._leave(wire)
        return self.outcome

    def _query(self) -> str:
        """Mostly one that is served."""
        if self._rng.random() < 0.9:
            return self._rng.choice(("", "?reply=none", "?rate=8000&format=mulaw", "?rate=48000"))
        return self._rng.choice(
            ("?rate=1", "?x=%00", "?rate=8000&rate=16000", "?lang=%F0%9F", "?" + "a" * 9000)
        )

    def _break_off_handshake(self, wire: RawClient) -> None:
        request = wire.handshake()
        if self._rng.random() < 0.3:
            request = re.sub(rb"\d+", b"\xff\0 ", request)
        self._try(wire, request[: self._rng.randrange(len(request))])
        wire.reset()

    def _opened(self, wire: RawClient) -> bool:
        try:
            status = wire.upgrade()
        except Broken:  # of a request that is no HTTP, the package hangs up
            return False
        if status not in STATUSES:
            raise Violation(f"the handshake was answered with {status}")
        return status == SWITCHING_PROTOCOLS

    # --- messages ---

    def _send(self, wire: RawClient) -> bool:
        """One message more, or what looks like one; whether the server is still there."""
        self.outcome.sent += 1
        if not self._try(wire, self._message()):
            return False
        if self._rng.random() < 0.1:
            self._listen(wire)
        return wire.close_code is None

    def _message(self) -> bytes:
        rng = self._rng
        kinds: tuple[Callable[[], bytes], ...] = (
            lambda: encoded(corpus.valid(rng), Opcode.TEXT),
            lambda: encoded(corpus.spoilt(rng), Opcode.TEXT),
            lambda: encoded(corpus.audio(rng)),
            lambda: self._fragments(corpus.valid(rng)),
            lambda: encoded(corpus.valid(rng)),  # text where audio is expected
            lambda: encoded(corpus.audio(rng), Opcode.TEXT),
            lambda: encoded(rng.randbytes(rng.randrange(125)), rng.choice((Opcode.PING, Opcode.PONG))),
            lambda: encoded(corpus.oversized(rng), rng.choice((Opcode.TEXT, Opcode.BINARY))),
            lambda: encoded(b"", Opcode.CONT),
            self._garble,
        )
        [kind] = rng.choices(kinds, weights=(30, 25, 25, 5, 5, 5, 5, 0.5, 0.2, 0.2))
        return kind()

    def _garble(self) -> bytes:
        """What is no frame, or half of one: the server cannot know where the next one begins."""
        self._garbled = True
        return self._rng.randbytes(self._rng.randrange(1, 50))

    def _fragments(self, message: bytes) -> bytes:
        """In two frames, with a ping in between."""
        half = self._rng.randrange(len(message))
        first = encoded(message[:half], Opcode.TEXT, fin=False)
        return first + encoded(b"?", Opcode.PING) + encoded(message[half:], Opcode.CONT)

    def _try(self, wire: RawClient, data: bytes) -> bool:
        try:
            wire.send_raw(data)
        except Broken:  # closed meanwhile; why is read, if it can be, at the end
            return False
        return True

    # --- answers ---

    def _listen(
        self, wire: RawClient, until: Callable[[], bool] = lambda: False, wait_s: float = LISTEN_S
    ) -> None:
        """Reads messages until none comes, the server closes, or it is enough."""
        try:
            for message in wire.messages(wait_s):
                self._check(message)
                if until():
                    return
        except Broken:
            return
        if wire.close_code not in CLOSE_CODES | {1006}:
            raise Violation(f"closed with {wire.close_code}")

    def _check(self, raw: bytes) -> None:
        try:
            message = _decoder.decode(raw)
        except msgspec.MsgspecError as error:
            raise Violation(f"a message of an unknown shape: {error}") from error
        self._seq += 1
        if message.seq != self._seq:
            raise Violation(f"message {message.seq} came where {self._seq} was due")
        if isinstance(message, native.ErrorMessage):
            self.outcome.codes[message.code] += 1
            if message.code not in CODES or message.code == errors.InternalError.code:
                raise Violation(f"error {message.code}")

    # --- the end ---

    def _leave(self, wire: RawClient) -> None:
        match self.outcome.ending:
            case Ending.POLITE if not self._garbled:
                self._end(wire)
            case Ending.HALF_FRAME:
                whole = encoded(corpus.valid(self._rng), Opcode.TEXT)
                self._try(wire, whole[: self._rng.randrange(1, len(whole))])
                wire.reset()
            case Ending.RESET:
                wire.reset()
            case _:
                wire.socket.close()

    def _end(self, wire: RawClient) -> None:
        """The session answers, and closes when it is asked to, unless it has closed."""
        faults = self.outcome.codes.total()
        self._try(wire, encoded(MARK, Opcode.TEXT))
        self._listen(wire, lambda: self.outcome.codes.total() > faults, PATIENCE_S)
        if wire.close_code is None:
            if self.outcome.codes.total() == faults:
                raise Violation("the session does not answer")
            self._try(wire, encoded(b'{"type":"end"}', Opcode.TEXT))
            self._listen(wire, wait_s=PATIENCE_S)
        if wire.close_code is None:
            raise Violation("the session does not end")
