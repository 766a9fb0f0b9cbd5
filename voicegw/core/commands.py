"""The commands of a client to its session. Every dialect translates its messages to these."""

from dataclasses import dataclass, field
from enum import StrEnum

from voicegw.core.messages import Message
from voicegw.core.reply_parameters import ReplyParameters


class ReplyMode(StrEnum):
    """How turns are answered."""

    TEXT = "text"
    AUDIO = "audio"  # as speech and as text
    NONE = "none"  # the session only transcribes


@dataclass(frozen=True, slots=True)
class Commit:
    """End the running utterance now."""


@dataclass(frozen=True, slots=True)
class Discard:
    """End the running utterance now and forget it: its final is empty."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the running reply. expected: it is an error if there is none."""

    expected: bool = False


@dataclass(frozen=True, slots=True)
class TypeText:
    """A user message that was typed, not spoken."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Settings of a session; None for those that are not given. Times are in ms.

    instructions: the system prompt. tools: the names of the tools that the model may call. adaptive: the end
    silence depends on the words. threshold: as in EndpointOptions. manual: silence ends no utterance, only a
    Commit. automatic: turns are answered without a CreateReply. interruptible: speech stops a reply.
    history_characters, retained: the length at which the history is cut, and the fraction of it that is kept.
    speed: of the voice, 1 for its usual one.
    """

    instructions: str | None = None
    tools: tuple[str, ...] | None = None
    end_silence_ms: int | None = None
    min_end_silence_ms: int | None = None
    max_end_silence_ms: int | None = None
    max_utterance_ms: int | None = None
    partial_interval_ms: int | None = None
    speculate: bool | None = None
    key_terms: tuple[str, ...] | None = None
    adaptive: bool | None = None
    threshold: float | None = None
    manual: bool | None = None
    automatic: bool | None = None
    interruptible: bool | None = None
    history_characters: int | None = None
    retained: float | None = None
    speed: float | None = None
    parameters: ReplyParameters | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(SessionSettings):
    """New values for the session's profile (profile.py). None keeps the value; an empty tuple of key terms
    removes all of them."""

    reply: ReplyMode | None = None
    language: str | None = None
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class CreateReply:
    """Reply now, to the conversation so far. It is an error if the model writes a reply, or if another one
    waits. The reply waits for the words of utterances that have ended, and for the end of a spoken reply.

    reply: text or audio; None for the session's mode. instructions, parameters: None for the session's.
    messages: the prompt after the instructions, in place of the conversation. separate: the reply is not
    added to the conversation.
    """

    reply: ReplyMode | None = None
    instructions: str | None = None
    parameters: ReplyParameters | None = None
    messages: tuple[Message, ...] | None = None
    separate: bool = False


@dataclass(frozen=True, slots=True)
class AddItem:
    """Add a message with an id of its own to the conversation, without a reply. after: the id of the item
    before it; empty for the beginning, None for the end."""

    message: Message
    after: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """Remove an item from the conversation, or the tool call with this id and its result."""

    id: str


@dataclass(frozen=True, slots=True)
class TruncateReply:
    """The user has heard only `audio_ms` of the reply to `turn`. A reply in progress stops. Of a complete one
    the conversation keeps the first `characters`."""

    turn: int
    audio_ms: int
    characters: int


@dataclass(frozen=True, slots=True)
class Relay:
    """Send `data`, which only the codec reads, back to the codec in the order of events. With it a codec
    answers a message at the right place between the events."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Played:
    """How much audio of the reply to `turn` the client has played, in ms; of the last reply if `turn` is
    None. received_only: its count does not include audio that was lost on the way."""

    audio_ms: int
    turn: int | None = None
    received_only: bool = False


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
    """No more audio or messages follow: finish the open utterances and replies, then close. answered:
    whether these utterances are."""

    answered: bool = True


ItemCommand = AddItem | DeleteItem | TruncateReply
Command = (
    Commit
    | Discard
    | Cancel
    | TypeText
    | Configure
    | CreateReply
    | ItemCommand
    | Relay
    | Played
    | HoldAudio
    | Acknowledge
    | Refresh
    | End
)
