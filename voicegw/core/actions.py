"""Actions: what a session asks its session runner to do."""

from dataclasses import dataclass
from typing import Any

from voicegw.core.events import Event, Message, ToolCalled
from voicegw.core.reply_parameters import NO_PARAMETERS, ReplyParameters


@dataclass(frozen=True, slots=True)
class SendEvent:
    """Send an event to the client."""

    event: Event


@dataclass(frozen=True, slots=True)
class Recognize:
    """Pass a request of the session's transcription to its executor. Only the executor reads the request; its
    answers go to `Session.receive_recognition`."""

    request: Any


@dataclass(frozen=True, slots=True)
class Prewarm:
    """Let the model read the messages with which every prompt of this session begins."""

    messages: tuple[Message, ...]
    tools: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Respond:
    """Start the language model on these messages, for this turn.

    attempt: a number, unique in the session, that identifies the request when its output is passed back.
    speculative: the turn may still continue; a ConfirmReply or a StopResponding follows. tools: the names of
    the server's tools that may be called; None for all. own_prompt: the client wrote the first message for
    this reply alone.
    """

    turn: int
    attempt: int
    messages: tuple[Message, ...]
    speculative: bool = False
    tools: tuple[str, ...] | None = None
    parameters: ReplyParameters = NO_PARAMETERS
    own_prompt: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmReply:
    """The turn for which this attempt was started is over: the attempt is its answer."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StopResponding:
    """Cancel the running request to the language model."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Synthesise a sentence of the reply to a turn at `rate` samples a second. `turn` and `number` identify
    the audio when it is passed back. voice, speed: as in SessionProfile."""

    turn: int
    number: int
    text: str
    rate: int
    voice: str = ""
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Play:
    """Send the next audio of the reply, in the client's format. It has no sequence number and is not sent
    again after a reconnect, because late audio is useless. end_ms: the position in the reply after it."""

    turn: int
    audio: bytes
    audio_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class PauseSpeaking:
    """Drop the reply audio that was not played, here and at the client. It is sent again if the reply
    continues."""


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Stop the synthesis and drop its audio that is queued for sending. dropped_ms: the length of the audio
    that the session dropped before it was queued."""

    dropped_ms: float


@dataclass(frozen=True, slots=True)
class FollowBackgroundCall:
    """Pass the updates of this background call back, as updates of `call`, which the reply to this turn
    made."""

    turn: int
    call: ToolCalled
    background_call: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after everything queued before this action was sent."""


Action = (
    SendEvent
    | Recognize
    | Prewarm
    | Respond
    | ConfirmReply
    | StopResponding
    | FollowBackgroundCall
    | Speak
    | Play
    | PauseSpeaking
    | StopSpeaking
    | Close
)
