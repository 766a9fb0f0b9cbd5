"""The port that every wire dialect implements, and all that the gateway knows of any of them.

A `Dialect` is found by the path of a request and makes a `Codec` for each connection. The codec is stateful
and pure: frames of the client go in and become audio and commands; events, reply audio and the order to stop
playing become frames. Tasks, sockets, timeouts, tokens and limits are the gateway's.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voicegw.core.commands import Command
from voicegw.core.events import Event
from voicegw.core.profile import SessionProfile
from voicegw.errors import VoicegwError

NORMAL_CLOSE = 1000
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013


class Headers(Protocol):
    """The headers of a request; names are compared without regard to case."""

    def get_all(self, key: str) -> Sequence[str]:
        """All values of a header, in their order; none when it is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Handshake:
    """A request to open a WebSocket. path: without the query and without `prefix`, which all paths of the
    gateway begin with."""

    path: str
    query: str
    headers: Headers
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The session to go on with. epoch: the last one the client was told; last_seq: the last event it has."""

    session: str
    epoch: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Opening:
    """What a client asks for, and by which token. Of a session that is resumed, all but `resume` is known."""

    profile: SessionProfile
    token: str | None = field(default=None, repr=False)
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    """Audio of the client, in the rate and format of the session's profile."""

    data: bytes


Received = Opening | Audio | Command


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The next audio of the reply to `turn`, encoded as the profile says. audio_ms: how long it is."""

    turn: int
    data: bytes
    audio_ms: float


@dataclass(frozen=True, slots=True)
class Frame:
    """One WebSocket message: text (UTF-8) or binary."""

    data: bytes
    text: bool = True


class Codec(ABC):
    """The wire format of one connection. Nothing here waits, or reads a clock.

    opening: what the client asks for, when the request said so. While it is None, the connection is open but
    belongs to nobody; then one of its first frames has to give the Opening, and that frame nothing else.
    """

    opening: Opening | None = None

    @abstractmethod
    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """What a frame says; nothing for one that says nothing new. Raises InputError."""

    @abstractmethod
    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """The frames that tell of an event; none where the dialect has no word for it. number: the event's
        place among those of the session, from 1 without gaps."""

    @abstractmethod
    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """The frames that carry reply audio."""

    def stop_audio(self) -> Iterable[Frame]:
        """The frames that make the client forget the reply audio which it has not played yet."""
        return ()

    def refuse(self, error: VoicegwError) -> Iterable[Frame]:
        """The frames that tell a client why it is not let in, before the connection is closed. Only of use
        where the opening comes in a frame; others are refused before the upgrade, by HTTP."""
        return ()

    def close(self, error: VoicegwError | None) -> tuple[int, str]:
        """The close code (RFC 6455, 7.4) and reason for the end of a connection; None: it was asked for."""
        if error is None:
            return NORMAL_CLOSE, ""
        return error.close_code or NORMAL_CLOSE, error.code


class Dialect(ABC):
    """One wire dialect. It holds no state of any connection.

    name: stored with each session, which can be resumed in the same dialect only. path: where it is served.
    subprotocols: those that may be selected, best first. max_message_bytes: of one message; codecs raise
    MessageTooBig beyond. resumable: whether a client may come back for its session; if not, the session ends
    with its connection.
    """

    name: str
    path: str
    subprotocols: tuple[str, ...] = ()
    max_message_bytes: int
    resumable: bool = False

    def serves(self, path: str) -> bool:
        """Whether a request for this path is for this dialect."""
        return path == self.path

    @abstractmethod
    def connect(self, handshake: Handshake) -> Codec:
        """The codec of a new connection. Raises InputError for a request that asks for something
        impossible."""


def refusal_code(error: VoicegwError) -> int:
    """The close code for a client that is not let in after the upgrade: whether to try again later."""
    return error.close_code or (_TRY_AGAIN_LATER if error.retryable else _POLICY_VIOLATION)
