"""What a session wants its shell to do."""

from dataclasses import dataclass
from typing import Any

from voicegw.core.events import Event, Message, ToolCalled


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the client."""

    event: Event


@dataclass(frozen=True, slots=True)
class Recognize:
    """Have a request of the session's transcription carried out by its executor, the only one that knows what
    is in it; answers go to `Session.receive_recognition`."""

    request: Any


@dataclass(frozen=True, slots=True)
class Prewarm:
    """Have the model read the beginning that every prompt of this session shares."""

    messages: tuple[Message, ...]
    tools: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Respond:
    """Start the language model on these messages, for this turn.

    attempt: unique in the session; what the model writes is handed back by it. speculative: the turn is not
    certain yet; a ConfirmReply or a StopResponding follows. tools: names of those that may be called; None
    for all.
    """

    turn: int
    attempt: int
    messages: tuple[Message, ...]
    speculative: bool = False
    tools: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ConfirmReply:
    """The turn that this attempt was started for is certain now."""

    attempt: int


@dataclass(frozen=True, slots=True)
class StopResponding:
    """Cancel the running request to the language model."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Have the voice say a sentence of a turn's reply. Its audio, at `rate`, comes back by both numbers.
    voice: as in SessionProfile."""

    turn: int
    number: int
    text: str
    rate: int
    voice: str = ""


@dataclass(frozen=True, slots=True)
class Play:
    """Send the next audio of the reply, which is in the client's own format. It carries no sequence number
    and is not repeated to a client that comes back: late audio is of no use."""

    turn: int
    audio: bytes
    audio_ms: float


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Stop the voice, and send nothing that waits to be sent of its audio. dropped_ms: what of the audio the
    session itself had not given out."""

    dropped_ms: float


@dataclass(frozen=True, slots=True)
class FollowBackgroundCall:
    """Hand the news of this background call back, as those of `call`, made in this turn's reply."""

    turn: int
    call: ToolCalled
    background_call: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once everything before this has been sent."""


Action = (
    Emit
    | Recognize
    | Prewarm
    | Respond
    | ConfirmReply
    | StopResponding
    | FollowBackgroundCall
    | Speak
    | Play
    | StopSpeaking
    | Close
)
