"""What a client can ask of a session, beside sending audio. Every dialect translates these; none adds its
own."""

from dataclasses import dataclass, field
from enum import StrEnum


class ReplyMode(StrEnum):
    """How turns are answered."""

    TEXT = "text"
    AUDIO = "audio"  # said aloud, and in text
    NONE = "none"  # the session only transcribes


@dataclass(frozen=True, slots=True)
class Commit:
    """End the running utterance now."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the running reply."""


@dataclass(frozen=True, slots=True)
class TypeText:
    """A user message that was typed, not said."""

    text: str


@dataclass(frozen=True, slots=True)
class Configure:
    """New values for settings of the session's profile (profile.py); None leaves one as it is, and an empty
    tuple of key terms takes all away. Times are in ms."""

    end_silence_ms: int | None = None
    min_end_silence_ms: int | None = None
    max_end_silence_ms: int | None = None
    max_utterance_ms: int | None = None
    partial_interval_ms: int | None = None
    reply: ReplyMode | None = None
    language: str | None = None
    instructions: str | None = None
    tools: tuple[str, ...] | None = None
    voice: str | None = None
    speculate: bool | None = None
    key_terms: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """How much reply audio the client has played, in ms from the reply's start; of the reply to `turn`, or
    of the last one."""

    audio_ms: int
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The last event the client has seen."""

    seq: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """A new token of the same user's; for the connection, not for the session."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """No more audio or messages will come: settle what is open, then close."""


Command = Commit | Cancel | TypeText | Configure | Played | Acknowledge | Refresh | End
