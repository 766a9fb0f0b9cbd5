"""The port that every wire dialect implements; the gateway uses dialects only through it.

A `Dialect` is selected by the path of a request and makes a `Codec` for each connection. The codec is
stateful and pure: it decodes frames of the client to audio and commands, and encodes events, reply audio and
the command to stop playback to frames. The gateway handles tasks, sockets, timeouts, tokens and limits.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from voicegw.core.commands import Command, Configure
from voicegw.core.events import Event
from voicegw.core.profile import SessionProfile
from voicegw.errors import VoicegwError

NORMAL_CLOSE = 1000
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013


class Headers(Protocol):
    """The headers of a request; names are case-insensitive."""

    def get_all(self, key: str) -> Sequence[str]:
        """All values of a header, in order; empty when it is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Handshake:
    """A request to open a WebSocket. path: without the query and without `prefix`. prefix: of all paths of
    the gateway."""

    path: str
    query: str
    headers: Headers
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The session to resume. epoch: the last one that the client knows. last_seq: its last event; None for
    the last one that was sent, where the codec repeats what was lost."""

    session: str
    epoch: int = 0
    last_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """The request of a client, with its token. For a resumed session only `resume` and `token` are used."""

    profile: SessionProfile
    token: str | None = field(default=None, repr=False)
    resume: Resume | None = None


class Audio(msgspec.Struct, frozen=True, gc=False):
    """Audio of the client, in the rate and format of the session profile. It is not a dataclass because one
    is made for each frame, which costs a frozen dataclass three times as much."""

    data: bytes


Received = Opening | Audio | Command


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The next audio of the reply to `turn`, in the format of the profile. audio_ms: its duration. end_ms:
    the position in the reply after it; audio that the client dropped in a pause is sent again with the same
    position."""

    turn: int
    data: bytes
    audio_ms: float
    end_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One WebSocket message: text (UTF-8) or binary."""

    data: bytes
    text: bool = True


class Codec(ABC):
    """The wire format of one connection. No method waits or reads a clock.

    opening: the client's request, when the HTTP request contains it. While it is None, the client is not
    admitted; then one of its first frames must decode to an Opening, and to nothing else.

    lock_step: the client waits for an answer to a message before it sends the next one. Then answers are sent
    with `answer`, after a wait while the audio is ahead of real time, so that a file takes its duration and
    does not break the limit. reference: the client's name of the message received last, which is repeated in
    errors about it.
    """

    opening: Opening | None = None
    lock_step: bool = False
    reference: str = ""

    def continue_from(self, earlier: "Codec") -> None:  # noqa: B027 - most codecs have no state
        """Takes over the state of the session's earlier connection in this dialect, before the first frame
        and the first event; the earlier codec then encodes nothing more."""

    @abstractmethod
    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """Decodes a frame; returns nothing for a frame without new content. Raises InputError."""

    def answer(self) -> Iterable[Frame]:
        """The answers to the frames received since the last call; only with `lock_step`."""
        return ()

    @abstractmethod
    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """Encodes an event; returns nothing when the dialect has no message for it. number: of the event in
        the session, from 1 without gaps."""

    @abstractmethod
    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """Encodes reply audio."""

    def fix(self, settings: Configure) -> None:  # noqa: B027 - most codecs show no settings
        """Receives the settings that the client's token fixes, before the first event. A codec may ignore
        them, because commands that would change them are refused."""

    def stop_audio(self) -> Iterable[Frame]:
        """The frames that make the client discard reply audio that it has not played yet. A profile whose
        playout has `drops` requires them also in a pause of a reply."""
        return ()

    def refuse(self, error: VoicegwError) -> Iterable[Frame]:
        """The frames that state why a client is refused, before the connection is closed. Used only when the
        opening comes in a frame; other clients are refused by HTTP before the upgrade."""
        return ()

    def end(self, error: VoicegwError | None) -> Iterable[Frame]:
        """The frames to send last, before the connection of a session is closed. error: as of `close`."""
        return ()

    def close(self, error: VoicegwError | None) -> tuple[int, str]:
        """The close code (RFC 6455, 7.4) and reason. error: None for a requested end."""
        if error is None:
            return NORMAL_CLOSE, ""
        return error.close_code or NORMAL_CLOSE, error.code


TRANSPORT_LIMIT = 4  # times the largest message of a dialect, so that the codec can report the error


class Dialect(ABC):
    """One wire dialect. It has no state of connections.

    name: stored with each session, which can be resumed in the same dialect only. path: where it is served.
    subprotocols: supported ones, preferred first. max_message_bytes: codecs raise MessageTooBig for longer
    messages. transport_bytes: length from which a message is not even read; 0 for a multiple of that, so that
    the codec can report the error. resumable: whether clients can resume sessions; if not, a session ends
    with its connection. stored: whether sessions are saved, so that another gateway can continue them.
    """

    name: str
    path: str
    subprotocols: tuple[str, ...] = ()
    max_message_bytes: int
    transport_bytes: int = 0
    resumable: bool = False
    stored: bool = False

    @property
    def longest_read(self) -> int:
        """The length of the longest message that is read."""
        return self.transport_bytes or TRANSPORT_LIMIT * self.max_message_bytes

    def serves(self, path: str) -> bool:
        """Whether this dialect serves the path."""
        return path == self.path

    @abstractmethod
    def connect(self, handshake: Handshake) -> Codec:
        """The codec of a new connection. Raises InputError for an invalid request."""


def refusal_code(error: VoicegwError) -> int:
    """The close code for a client that is refused after the upgrade; it tells whether to retry later."""
    return error.close_code or (_TRY_AGAIN_LATER if error.retryable else _POLICY_VIOLATION)
