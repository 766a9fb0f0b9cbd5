"""One misbehaving client: opens a session, or a part of one, sends random messages, and disconnects in a
random way.

It checks what every client may rely on: every message can be decoded, their numbers have no gaps, every error
is documented, and the server reports no internal error.
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
from benchmarks.raw_client import SWITCHING_PROTOCOLS, ConnectionFailed, RawClient, encoded
from tests.error_table import tree
from voicegw import errors
from voicegw.dialects import native

LISTEN_S = 0.02  # for answers between messages
ANSWER_TIMEOUT_S = 30.0  # for a required answer
MARK = b'{"type":"are you there"}'
CODES = {error.code for error in tree()}
CLOSE_CODES = {error.close_code for error in tree()} - {errors.InternalError.close_code, None} | {
    *(1000, 1001),
    *(1002, 1007, 1009),  # of the transport, for invalid frames
}
STATUSES = {error.http_status for error in tree()} - {None} | {400, 414, 426, 431, SWITCHING_PROTOCOLS}

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


class Violation(AssertionError):
    """The server violated its protocol."""


class Ending(Enum):
    """How a client ends its connection."""

    NORMAL = "`end`, then reading to the close"
    RESET = "a TCP reset"
    HALF_FRAME = "in the middle of a frame, by a reset"
    SILENT = "the connection closed without a close frame"
    HANDSHAKE = "in the middle of the handshake"


@dataclass
class Outcome:
    """The number of messages sent, and the errors received."""

    ending: Ending
    sent: int = 0
    codes: Counter[str] = field(default_factory=Counter)


class FuzzClient:
    """A client whose behaviour depends on `rng` only. Raises Violation."""

    def __init__(self, url: str, rng: Random, ending: Ending) -> None:
        self._url = url
        self._rng = rng
        self._seq = 0
        self._sent_no_frame = False
        self.outcome = Outcome(ending)

    def run(self, messages: int) -> Outcome:
        """Sends up to `messages` messages; fewer when the server closes the connection."""
        with RawClient(f"{self._url}{self._query()}") as connection:
            if self.outcome.ending is Ending.HANDSHAKE:
                self._break_off_handshake(connection)
            elif self._opened(connection):
                for _ in range(messages):
                    if not self._send(connection):
                        break
                self._leave(connection)
        return self.outcome

    def _query(self) -> str:
        """Mostly a valid one."""
        if self._rng.random() < 0.9:
            return self._rng.choice(("", "?reply=none", "?rate=8000&format=mulaw", "?rate=48000"))
        return self._rng.choice(
            ("?rate=1", "?x=%00", "?rate=8000&rate=16000", "?lang=%F0%9F", "?" + "a" * 9000)
        )

    def _break_off_handshake(self, connection: RawClient) -> None:
        request = connection.handshake()
        if self._rng.random() < 0.3:
            request = re.sub(rb"\d+", b"\xff\0 ", request)
        self._try(connection, request[: self._rng.randrange(len(request))])
        connection.reset()

    def _opened(self, connection: RawClient) -> bool:
        try:
            status = connection.upgrade()
        except ConnectionFailed:  # the server closes the connection for a request that is not HTTP
            return False
        if status not in STATUSES:
            raise Violation(f"the handshake was answered with {status}")
        return status == SWITCHING_PROTOCOLS

    # --- messages ---

    def _send(self, connection: RawClient) -> bool:
        """Sends one more message, valid or not; whether the connection is still open."""
        self.outcome.sent += 1
        if not self._try(connection, self._message()):
            return False
        if self._rng.random() < 0.1:
            self._listen(connection)
        return connection.close_code is None

    def _message(self) -> bytes:
        rng = self._rng
        kinds: tuple[Callable[[], bytes], ...] = (
            lambda: encoded(corpus.valid(rng), Opcode.TEXT),
            lambda: encoded(corpus.invalid(rng), Opcode.TEXT),
            lambda: encoded(corpus.audio(rng)),
            lambda: self._fragments(corpus.valid(rng)),
            lambda: encoded(corpus.valid(rng)),  # text where audio is expected
            lambda: encoded(corpus.audio(rng), Opcode.TEXT),
            lambda: encoded(rng.randbytes(rng.randrange(125)), rng.choice((Opcode.PING, Opcode.PONG))),
            lambda: encoded(corpus.oversized(rng), rng.choice((Opcode.TEXT, Opcode.BINARY))),
            lambda: encoded(b"", Opcode.CONT),
            self._no_frame,
        )
        [kind] = rng.choices(kinds, weights=(30, 25, 25, 5, 5, 5, 5, 0.5, 0.2, 0.2))
        return kind()

    def _no_frame(self) -> bytes:
        """Bytes that are no frame, or a part of one, so the next frame cannot be found."""
        self._sent_no_frame = True
        return self._rng.randbytes(self._rng.randrange(1, 50))

    def _fragments(self, message: bytes) -> bytes:
        """The message in two frames, with a ping between them."""
        half = self._rng.randrange(len(message))
        first = encoded(message[:half], Opcode.TEXT, fin=False)
        return first + encoded(b"?", Opcode.PING) + encoded(message[half:], Opcode.CONT)

    def _try(self, connection: RawClient, data: bytes) -> bool:
        try:
            connection.send_raw(data)
        except ConnectionFailed:  # closed by the server; the reason is read at the end
            return False
        return True

    # --- answers ---

    def _listen(
        self, connection: RawClient, until: Callable[[], bool] = lambda: False, wait_s: float = LISTEN_S
    ) -> None:
        """Reads messages until none arrives in time, the server closes, or `until` is true."""
        try:
            for message in connection.messages(wait_s):
                self._check(message)
                if until():
                    return
        except ConnectionFailed:
            return
        if connection.close_code not in CLOSE_CODES | {1006}:
            raise Violation(f"closed with {connection.close_code}")

    def _check(self, raw: bytes) -> None:
        try:
            message = _decoder.decode(raw)
        except msgspec.MsgspecError as error:
            raise Violation(f"an unknown message: {error}") from error
        self._seq += 1
        if message.seq != self._seq:
            raise Violation(f"message {message.seq} received instead of {self._seq}")
        if isinstance(message, native.ErrorMessage):
            self.outcome.codes[message.code] += 1
            if message.code not in CODES or message.code == errors.InternalError.code:
                raise Violation(f"error {message.code}")

    # --- the end ---

    def _leave(self, connection: RawClient) -> None:
        match self.outcome.ending:
            case Ending.NORMAL if not self._sent_no_frame:
                self._end(connection)
            case Ending.HALF_FRAME:
                whole = encoded(corpus.valid(self._rng), Opcode.TEXT)
                self._try(connection, whole[: self._rng.randrange(1, len(whole))])
                connection.reset()
            case Ending.RESET:
                connection.reset()
            case _:
                connection.socket.close()

    def _end(self, connection: RawClient) -> None:
        """Checks that the session answers, and closes after `end`, unless it is closed already."""
        faults = self.outcome.codes.total()
        self._try(connection, encoded(MARK, Opcode.TEXT))
        self._listen(connection, lambda: self.outcome.codes.total() > faults, ANSWER_TIMEOUT_S)
        if connection.close_code is None:
            if self.outcome.codes.total() == faults:
                raise Violation("the session does not answer")
            self._try(connection, encoded(b'{"type":"end"}', Opcode.TEXT))
            self._listen(connection, wait_s=ANSWER_TIMEOUT_S)
        if connection.close_code is None:
            raise Violation("the session does not end")
