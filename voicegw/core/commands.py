"""The commands of a client to its session. Every dialect translates its messages to these."""

from dataclasses import dataclass, field
from enum import StrEnum


class ReplyMode(StrEnum):
    """How turns are answered."""

    TEXT = "text"
    AUDIO = "audio"  # as speech and as text
    NONE = "none"  # the session only transcribes


@dataclass(frozen=True, slots=True)
class Commit:
    """End the running utterance now."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the running reply."""


@dataclass(frozen=True, slots=True)
class TypeText:
    """A user message that was typed, not spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class Configure:
    """New values for settings of the session's profile (profile.py). None keeps the value; an empty tuple of
    key terms removes all of them. Times are in ms."""

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
    """How much audio of the reply to `turn` the client has played, in ms; of the last reply if `turn` is
    None."""

    audio_ms: int
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class HoldAudio:
    """Whether the client has no room for more reply audio: true until it says that it has again."""

    held: bool


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The client has received all events up to the number `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class Refresh:
    """A new token of the same user. The connection handles it, not the session."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """No more audio or messages follow: finish the open utterances and replies, then close."""


Command = Commit | Cancel | TypeText | Configure | Played | HoldAudio | Acknowledge | Refresh | End
