"""The session's own vocabulary: what happens to it (commands), what it wants done (actions) and what it
tells its client (events). Every dialect translates commands and events; none adds its own.

Positions are session samples at 16 kHz, counted from the first one received, unless a name says otherwise.
`turn` counts the utterances and typed messages of a session, from 1.
"""

from dataclasses import dataclass
from enum import StrEnum

from voicegw.core.jobs import DecodeJob, Word
from voicegw.errors import VoicegwError

# --- commands: what a client can ask for, beside sending audio -------------------------------------------


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
    """New values for this session's knobs; None leaves a knob as it is."""

    end_silence_ms: int | None = None
    max_utterance_ms: int | None = None
    partial_interval_ms: int | None = None
    reply: bool | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """How much reply audio the client has played, in ms from the reply's start."""

    audio_ms: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The last event the client has seen."""

    seq: int


@dataclass(frozen=True, slots=True)
class End:
    """No more audio or messages will come: settle what is open, then close."""


Command = Commit | Cancel | TypeText | Configure | Played | Acknowledge | End

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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may send."""

    max_message_bytes: int
    max_burst_ms: int
    idle_timeout_ms: int


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The first event: the session is open and its audio is awaited.

    next_input_sample: the sample to send next, at the client's own rate.
    """

    session: str
    epoch: int
    resumed: bool
    next_input_sample: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Someone began to speak, at about this sample."""

    turn: int
    at: int


@dataclass(frozen=True, slots=True)
class PartialTranscript:
    """The words so far: `stable` only ever grows within a turn, `tentative` may still change.

    audio_end: the last sample the words take into account.
    """

    turn: int
    stable: str
    tentative: str
    audio_end: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The utterance is over; its last voiced sample was `at`."""

    turn: int
    at: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class FinalTranscript:
    """The settled words of an utterance; begins with the last `stable`. Empty when there were none."""

    turn: int
    text: str
    words: tuple[Word, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The model's first token is here."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyDelta:
    """The next piece of the reply."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """The reply is over; `text` is all of it that was delivered."""

    turn: int
    text: str
    reason: ReplyReason


@dataclass(frozen=True, slots=True)
class TurnLatency:
    """One turn's latency budget in ms; None for a step that did not happen.

    endpoint, final, first_token and done count from the end of speech on the audio clock (for a typed
    message from its arrival); queue and decode are the durations inside the decode that gave the final.
    """

    turn: int
    endpoint_ms: float | None
    queue_ms: float | None
    decode_ms: float | None
    final_ms: float | None
    first_token_ms: float | None
    done_ms: float | None


@dataclass(frozen=True, slots=True)
class AudioAcknowledged:
    """All audio before this sample, at the client's own rate, has been taken in."""

    input_samples: int


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The server will close this connection; a new one may be made after `retry_after_ms`."""

    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something went wrong; `code` is one of errors.py."""

    code: str
    message: str
    retryable: bool

    @classmethod
    def of(cls, error: VoicegwError) -> "Fault":
        """The event that reports `error`."""
        return cls(error.code, error.message, error.retryable)


Event = (
    SessionReady
    | SpeechStarted
    | PartialTranscript
    | SpeechStopped
    | FinalTranscript
    | ReplyStarted
    | ReplyDelta
    | ReplyDone
    | TurnLatency
    | AudioAcknowledged
    | GoingAway
    | Fault
)

# --- actions: what the session wants its shell to do -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the prompt for a language model; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the client."""

    event: Event


@dataclass(frozen=True, slots=True)
class Decode:
    """Have this window recognised; a newer Decode replaces an older one that is still out."""

    job: DecodeJob


@dataclass(frozen=True, slots=True)
class Respond:
    """Start the language model on these messages, for this turn."""

    turn: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class StopResponding:
    """Cancel the running request to the language model."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once everything before this has been sent."""


Action = Emit | Decode | Respond | StopResponding | Close
