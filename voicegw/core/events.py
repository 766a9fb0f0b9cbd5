"""Events, which a session sends to its client. Every dialect translates these events and the commands
(commands.py) to its messages.

Positions are session samples at 16 kHz, counted from the first one received, unless a name says otherwise.
`turn` counts the utterances and typed messages of a session, from 1.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from voicegw.core.audio import AudioFormat
from voicegw.core.jobs import Word
from voicegw.core.latency import TurnLatency as TurnLatency
from voicegw.core.messages import ClientToolCalled as ClientToolCalled
from voicegw.core.messages import Message as Message
from voicegw.core.messages import ReplyNotice as ReplyNotice
from voicegw.core.messages import ReplyPiece as ReplyPiece
from voicegw.core.messages import ReplyStepPiece as ReplyStepPiece
from voicegw.core.messages import TokenUsage
from voicegw.core.messages import ToolAnswered as ToolAnswered
from voicegw.core.messages import ToolCalled as ToolCalled
from voicegw.core.tagged_struct import TaggedStruct
from voicegw.errors import VoicegwError


class EndReason(StrEnum):
    """Why an utterance ended."""

    SILENCE = "silence"
    COMMIT = "commit"
    END = "end"
    MAX_LENGTH = "max_length"
    STALLED = "stalled"  # no audio arrived during the utterance
    DISCARDED = "discarded"  # by the client; its final is empty


class ReplyReason(StrEnum):
    """Why a reply ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"  # the user spoke or typed over it
    CANCELLED = "cancelled"  # the client asked, or the session ended
    FAILED = "failed"
    MODERATED = "moderated"  # moderation rejected it, or the text that it answers


class ModerationTarget(StrEnum):
    """What a moderation check judges."""

    INPUT = "input"  # speech or a typed message of the user
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a session."""

    max_message_bytes: int
    max_burst_ms: int
    idle_timeout_ms: int
    max_session_ms: int = 0


@dataclass(frozen=True, slots=True)
class AudioShape:
    """The encoding of reply audio, which is that of the client's audio. rate: samples a second."""

    format: AudioFormat
    rate: int


class SessionReady(TaggedStruct, frozen=True):
    """The session is ready for audio. It is the first event; after a resume it follows the missed events.

    next_input_sample: the sample to send next, at the client's rate. next_message: the number of the text
    message to send next, from 0. development: every program on the server's machine may connect without a
    token. reply_audio: None when replies are not spoken.
    """

    session: str
    epoch: int
    resumed: bool
    next_input_sample: int
    limits: Limits
    next_message: int = 0
    development: bool = False
    reply_audio: AudioShape | None = None


class SpeechStarted(TaggedStruct, frozen=True):
    """The user began to speak, at about the sample `at`."""

    turn: int
    at: int


class PartialTranscript(TaggedStruct, frozen=True):
    """The words so far. Within a turn, `stable` only grows; `tentative` may change.

    audio_end: the last decoded sample. joined: no blank separates the two.
    """

    turn: int
    stable: str
    tentative: str
    audio_end: int
    joined: bool = False


class SpeechStopped(TaggedStruct, frozen=True):
    """The utterance is over. at: its last voiced sample."""

    turn: int
    at: int
    reason: EndReason


class FinalTranscript(TaggedStruct, frozen=True):
    """The final words of an utterance; they begin with its last `stable`. After a commit without an
    utterance, `text` is empty and `start` equals `end`.

    language: ISO 639-1, as recognised; empty where it is unknown.
    """

    turn: int
    text: str
    words: tuple[Word, ...]
    start: int
    end: int
    language: str = ""


class ReplyStarted(TaggedStruct, frozen=True):
    """The model wrote its first token. greeting: it wrote nothing, because the reply is the greeting."""

    turn: int
    greeting: bool = False


class ReplyDelta(TaggedStruct, frozen=True):
    """The next piece of the reply."""

    turn: int
    text: str


class ReplyStep(TaggedStruct, frozen=True):
    """A part of the reply that is not text."""

    turn: int
    piece: ReplyStepPiece


class ReplyDone(TaggedStruct, frozen=True):
    """The reply is over. text: all delivered text; of a spoken reply, the heard text. used: None where the
    endpoint does not report it, and for replies that were stopped."""

    turn: int
    text: str
    reason: ReplyReason
    used: TokenUsage | None = None


class BackgroundCallReport(TaggedStruct, frozen=True):
    """An update of the background tool call `id`; if `done`, its result, or with `ok` false its failure.

    turn: whose reply called the tool.
    """

    turn: int
    id: str
    name: str
    content: str
    done: bool
    ok: bool


class Moderated(TaggedStruct, frozen=True):
    """Moderation found `categories` in the user's text of this turn, or in its reply."""

    turn: int
    what: ModerationTarget
    categories: tuple[str, ...]


class Relayed(TaggedStruct, frozen=True):
    """The data of a Relay."""

    data: bytes


class AudioAcknowledged(TaggedStruct, frozen=True):
    """The client need not send again: audio before `input_samples`, at its own rate, and the first `messages`
    text messages."""

    input_samples: int
    messages: int = 0


class GoingAway(TaggedStruct, frozen=True):
    """The server closes this connection soon. The client may connect again after `retry_after_ms`."""

    retry_after_ms: int


class Ending(TaggedStruct, frozen=True):
    """The session ends in `in_ms` with the error `code` unless the client prevents it."""

    code: str
    in_ms: int


class Refreshed(TaggedStruct, frozen=True):
    """A new token was accepted; it is valid for `expires_in_ms`."""

    expires_in_ms: int


class Fault(TaggedStruct, frozen=True):
    """An error. code: one of voicegw.errors. reference: the client's name of the message that caused it."""

    code: str
    message: str
    retryable: bool
    retry_after_ms: int | None = None
    reference: str = ""

    @classmethod
    def of(cls, error: VoicegwError, reference: str = "") -> "Fault":
        """The event that reports `error`."""
        return cls(error.code, error.message, error.retryable, error.retry_after_ms, reference)


ReplyEvent = ReplyStarted | ReplyDelta | ReplyStep | ReplyDone | BackgroundCallReport | Moderated

Event = (
    SessionReady
    | SpeechStarted
    | PartialTranscript
    | SpeechStopped
    | FinalTranscript
    | ReplyEvent
    | TurnLatency
    | Relayed
    | AudioAcknowledged
    | GoingAway
    | Ending
    | Refreshed
    | Fault
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as bytes. snapshot.py says which changes of the encoding are compatible."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """The event in `data`. Raises msgspec.MsgspecError for invalid data."""
    return _decoder.decode(data)
