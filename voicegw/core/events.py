"""The session's own vocabulary: what it tells its client (events), and what a prompt and a reply are made of.
Every dialect translates the events and the commands (commands.py); none adds its own.

Positions are session samples at 16 kHz, counted from the first one received, unless a name says otherwise.
`turn` counts the utterances and typed messages of a session, from 1.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from voicegw.core.audio import AudioFormat
from voicegw.core.jobs import Word
from voicegw.core.latency import TurnLatency as TurnLatency
from voicegw.core.record import Record
from voicegw.errors import VoicegwError

# --- what a reply and a prompt are made of ----------------------------------------------------------------


class ToolCalled(Record, frozen=True):
    """The model calls a tool. `arguments` is the JSON object it wrote; `id` joins the answer to the call."""

    id: str
    name: str
    arguments: str


class ToolAnswered(Record, frozen=True):
    """What a tool answered; with `ok` false, `content` says why it could not.

    background_call: set when the call goes on in the background and this only says so (background_calls.py).
    """

    id: str
    name: str
    content: str
    ok: bool
    background_call: str = ""


class ReplyNotice(Record, frozen=True):
    """Trouble that did not end the reply: the error's code, the remedy, and if that is to ask once more."""

    code: str
    remedy: str
    asks_again: bool = False


ReplyStepPiece = ToolCalled | ToolAnswered | ReplyNotice
ReplyPiece = str | ReplyStepPiece  # str: text for the user


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the prompt for a language model.

    role: system, user, assistant or tool. tool_calls: what an assistant message calls.
    tool_call_id: the call that a tool message answers.
    """

    role: str
    content: str
    tool_calls: tuple[ToolCalled, ...] = ()
    tool_call_id: str = ""


# --- events: what a client is told -----------------------------------------------------------------------


class EndReason(StrEnum):
    """What finalised an utterance."""

    SILENCE = "silence"
    COMMIT = "commit"
    END = "end"
    MAX_LENGTH = "max_length"
    STALLED = "stalled"  # frames stopped coming while someone was speaking


class ReplyReason(StrEnum):
    """Why a reply is over."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"  # the user spoke or typed over it
    CANCELLED = "cancelled"  # the client asked, or the session ended
    FAILED = "failed"
    MODERATED = "moderated"  # moderation found something in it, or in what it answers


class Judged(StrEnum):
    """What moderation judges."""

    INPUT = "input"  # what the user said or typed
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send, and for how long."""

    max_message_bytes: int
    max_burst_ms: int
    idle_timeout_ms: int
    max_session_ms: int = 0


@dataclass(frozen=True, slots=True)
class AudioShape:
    """How reply audio is encoded: as the client's own audio is. rate: samples a second."""

    format: AudioFormat
    rate: int


class SessionReady(Record, frozen=True):
    """The session is open and its audio is awaited: the first event, and the last of those that a client
    which comes back has missed.

    next_input_sample: the sample to send next, at the client's own rate. next_message: how many text
    messages have been taken in, which is the number of the one to send next, from 0. development: anybody on
    the server's machine may connect, without a token. reply_audio: what replies are said in, or None.
    """

    session: str
    epoch: int
    resumed: bool
    next_input_sample: int
    limits: Limits
    next_message: int = 0
    development: bool = False
    reply_audio: AudioShape | None = None


class SpeechStarted(Record, frozen=True):
    """Someone began to speak, at about this sample."""

    turn: int
    at: int


class PartialTranscript(Record, frozen=True):
    """The words so far: `stable` only ever grows within a turn, `tentative` may still change.

    audio_end: the last sample the words take into account. joined: without a blank between the two.
    """

    turn: int
    stable: str
    tentative: str
    audio_end: int
    joined: bool = False


class SpeechStopped(Record, frozen=True):
    """The utterance is over; its last voiced sample was `at`."""

    turn: int
    at: int
    reason: EndReason


class FinalTranscript(Record, frozen=True):
    """The settled words of an utterance; begins with the last `stable`. Of no length if a commit ended none.

    language: the ISO 639-1 code of what it was recognised as; empty where that is not known.
    """

    turn: int
    text: str
    words: tuple[Word, ...]
    start: int
    end: int
    language: str = ""


class ReplyStarted(Record, frozen=True):
    """The model's first token is here."""

    turn: int


class ReplyDelta(Record, frozen=True):
    """The next piece of the reply."""

    turn: int
    text: str


class ReplyStep(Record, frozen=True):
    """Something happened in the reply beside text."""

    turn: int
    piece: ReplyStepPiece


class ReplyDone(Record, frozen=True):
    """The reply is over; `text` is all of it that was delivered."""

    turn: int
    text: str
    reason: ReplyReason


class BackgroundCallReport(Record, frozen=True):
    """How the tool call `id` gets on in the background; with `done`, its result, and `ok` whether it is one.

    turn: the one whose reply called the tool.
    """

    turn: int
    id: str
    name: str
    content: str
    done: bool
    ok: bool


class Moderated(Record, frozen=True):
    """Moderation found `categories` in what was said in this turn, or in its reply."""

    turn: int
    what: Judged
    categories: tuple[str, ...]


class AudioAcknowledged(Record, frozen=True):
    """All audio before this sample, at the client's own rate, and so many text messages have been taken
    in, and are not needed again."""

    input_samples: int
    messages: int = 0


class GoingAway(Record, frozen=True):
    """The server will close this connection; a new one may be made after `retry_after_ms`."""

    retry_after_ms: int


class Ending(Record, frozen=True):
    """The session will end in `in_ms`, with the error `code`, unless something is done about it."""

    code: str
    in_ms: int


class Refreshed(Record, frozen=True):
    """A new token was accepted; the session may go on for `expires_in_ms`."""

    expires_in_ms: int


class Fault(Record, frozen=True):
    """Something went wrong; `code` is one of errors.py."""

    code: str
    message: str
    retryable: bool
    retry_after_ms: int | None = None

    @classmethod
    def of(cls, error: VoicegwError) -> "Fault":
        """The event that reports `error`."""
        return cls(error.code, error.message, error.retryable, error.retry_after_ms)


ReplyEvent = ReplyStarted | ReplyDelta | ReplyStep | ReplyDone | BackgroundCallReport | Moderated

Event = (
    SessionReady
    | SpeechStarted
    | PartialTranscript
    | SpeechStopped
    | FinalTranscript
    | ReplyEvent
    | TurnLatency
    | AudioAcknowledged
    | GoingAway
    | Ending
    | Refreshed
    | Fault
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def encode(event: Event) -> bytes:
    """The event as bytes, for another process; see snapshot.py for what may change in them."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """The event in `data`. Raises msgspec.MsgspecError for what is none."""
    return _decoder.decode(data)
