"""The messages of the native dialect. Every one is a msgspec struct, so one declaration gives validation,
encoding and the JSON Schema for client authors (`schema()`)."""

from typing import Annotated

import msgspec

from voicegw.core import events
from voicegw.core.commands import ReplyMode

MAX_TEXT_CHARACTERS = 8_000
MAX_TOKEN_CHARACTERS = 8_000

Milliseconds = Annotated[int, msgspec.Meta(ge=0, description="milliseconds from the session's first sample")]

# --- client to server ------------------------------------------------------------------------------------


class Inbound(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    """A JSON message from the client."""


class CommitMessage(Inbound, tag="commit"):
    """End the running utterance now, without waiting for silence."""


class CancelMessage(Inbound, tag="cancel"):
    """Stop the running reply."""


class TextMessage(Inbound, tag="text"):
    """A typed user message, answered like a spoken one."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS)]


class ConfigureMessage(Inbound, tag="configure"):
    """Change this session's knobs; what is left out stays as it is."""

    end_silence_ms: int | None = None
    min_end_silence_ms: int | None = None
    max_end_silence_ms: int | None = None
    max_utterance_ms: int | None = None
    partial_interval_ms: int | None = None
    reply: bool | ReplyMode | None = None  # true for text, false for none
    speculate: bool | None = None


class PlayedMessage(Inbound, tag="played"):
    """How much of a reply's audio has been played, in ms: of the reply to `turn`, or of the last one."""

    audio_ms: Annotated[int, msgspec.Meta(ge=0)]
    turn: int | None = None


class AckMessage(Inbound, tag="ack"):
    """The `seq` of the last event seen."""

    seq: Annotated[int, msgspec.Meta(ge=0)]


class RefreshMessage(Inbound, tag="refresh"):
    """A new token of the same user's, so that the session may go on when the old one's time is up."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]


class EndMessage(Inbound, tag="end"):
    """Nothing more will be sent: settle the running utterance and its reply, then close."""


ClientMessage = (
    CommitMessage
    | CancelMessage
    | TextMessage
    | ConfigureMessage
    | PlayedMessage
    | AckMessage
    | RefreshMessage
    | EndMessage
)

# --- server to client ------------------------------------------------------------------------------------


class Outbound(msgspec.Struct, tag_field="type", kw_only=True):
    """A JSON message to the client; `seq` counts them from 1, without gaps."""

    seq: int


class ReadyMessage(Outbound, tag="ready"):
    """`reply_audio` is what the binary frames to the client hold, where replies are said aloud."""

    session: str
    epoch: int
    resumed: bool
    next_sample: int
    limits: events.Limits
    next_message: int = 0
    development: bool = False
    reply_audio: events.AudioShape | None = None


class SpeechStartedMessage(Outbound, tag="speech_started"):
    turn: int
    at_ms: Milliseconds


class PartialMessage(Outbound, tag="partial"):
    turn: int
    stable: str
    tentative: str
    audio_ms: Milliseconds


class SpeechStoppedMessage(Outbound, tag="speech_stopped"):
    turn: int
    at_ms: Milliseconds
    reason: events.EndReason


class WordBlock(msgspec.Struct):
    """One word of a final."""

    word: str
    start_ms: Milliseconds
    end_ms: Milliseconds
    probability: float


class FinalMessage(Outbound, tag="final"):
    turn: int
    text: str
    words: list[WordBlock]
    start_ms: Milliseconds
    end_ms: Milliseconds


class ReplyStartedMessage(Outbound, tag="reply_started"):
    turn: int


class ReplyDeltaMessage(Outbound, tag="reply_delta"):
    turn: int
    text: str


class ReplyDoneMessage(Outbound, tag="reply_done"):
    turn: int
    text: str
    reason: events.ReplyReason


class ToolCallMessage(Outbound, tag="tool_call"):
    """The model calls a tool; `arguments` is the JSON object it wrote."""

    turn: int
    id: str
    name: str
    arguments: str


class ToolResultMessage(Outbound, tag="tool_result"):
    """What the tool answered; with `ok` false, why it could not."""

    turn: int
    id: str
    name: str
    content: str
    ok: bool


class ToolProgressMessage(Outbound, tag="tool_progress"):
    """How a call in the background gets on; its `tool_result` follows when there is one."""

    turn: int
    id: str
    name: str
    content: str


class ModeratedMessage(Outbound, tag="moderated"):
    """Moderation found `categories` in what was said (`input`) or in the `reply`, which is stopped."""

    turn: int
    what: events.Judged
    categories: list[str]


class NoticeMessage(Outbound, tag="notice"):
    """Trouble that did not end the reply: an error's `code`, and in `message` what is done about it."""

    turn: int
    code: str
    message: str


class LatencyMessage(Outbound, tag="latency", omit_defaults=True):
    """ms; `endpoint`, `final`, `asked`, `first_token`, `first_audio` and `done` count from the end of speech,
    `queue`, `decode` and `model` are durations. What did not happen is left out."""

    turn: int
    endpoint_ms: int | None = None
    queue_ms: int | None = None
    decode_ms: int | None = None
    final_ms: int | None = None
    asked_ms: int | None = None
    model_ms: int | None = None
    first_token_ms: int | None = None
    first_audio_ms: int | None = None
    done_ms: int | None = None
    attempts: int = 0
    speculative: bool = False


class AckedMessage(Outbound, tag="ack"):
    samples: int
    messages: int = 0


class GoingAwayMessage(Outbound, tag="going_away"):
    retry_after_ms: int


class EndingMessage(Outbound, tag="ending"):
    """Why and when the session will end, unless something is done about it; `code` is that of the error."""

    code: str
    in_ms: int


class RefreshedMessage(Outbound, tag="refreshed"):
    expires_in_ms: int


class ErrorMessage(Outbound, tag="error", omit_defaults=True):
    code: str
    message: str
    retryable: bool
    retry_after_ms: int | None = None


ServerMessage = (
    ReadyMessage
    | SpeechStartedMessage
    | PartialMessage
    | SpeechStoppedMessage
    | FinalMessage
    | ReplyStartedMessage
    | ReplyDeltaMessage
    | ReplyDoneMessage
    | ToolCallMessage
    | ToolResultMessage
    | ToolProgressMessage
    | ModeratedMessage
    | NoticeMessage
    | LatencyMessage
    | AckedMessage
    | GoingAwayMessage
    | EndingMessage
    | RefreshedMessage
    | ErrorMessage
)


def schema() -> dict[str, object]:
    """JSON Schema of every message, for client authors: `client` and `server` definitions."""
    (client, server), definitions = msgspec.json.schema_components([ClientMessage, ServerMessage])
    return {"client": client, "server": server, "$defs": definitions}
