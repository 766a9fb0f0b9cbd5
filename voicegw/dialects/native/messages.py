"""The messages of the server, and the JSON Schema of all messages. Each is a msgspec struct, so one
declaration gives encoding and schema."""

from typing import Annotated

import msgspec

from voicegw.core import events
from voicegw.dialects.native.client_messages import ClientMessage

Milliseconds = Annotated[int, msgspec.Meta(ge=0, description="milliseconds from the session's first sample")]
Turn = Annotated[int, msgspec.Meta(description="number of the utterance or typed message, from 1")]


class Outbound(msgspec.Struct, tag_field="type", kw_only=True):
    """A JSON message to the client."""

    seq: Annotated[int, msgspec.Meta(ge=1, description="number of the message, from 1 without gaps")]


class ReadyMessage(Outbound, tag="ready"):
    """The session is open: the first message, and after a reconnect the first one after those missed.

    `epoch`: number of the gateway's claim on the session; `resumed`: whether the requested session was
    resumed. `next_sample`: the sample to send next, at the client's rate; `next_message`: the number of the
    text frame to send next, from 0. `development`: no token is required, and only clients on the same machine
    connect. `reply_audio`: the format of binary frames to the client with spoken replies; else null.
    """

    session: str
    epoch: int
    resumed: bool
    next_sample: int
    limits: events.Limits
    next_message: int = 0
    development: bool = False
    reply_audio: events.AudioShape | None = None


class SpeechStartedMessage(Outbound, tag="speech_started"):
    """Speech began at about `at_ms`: utterance `turn` begins."""

    turn: Turn
    at_ms: Milliseconds


class PartialMessage(Outbound, tag="partial", omit_defaults=True):
    """The words of a running utterance so far, from the audio before `audio_ms`. `stable` only grows within a
    turn; `tentative`, which follows it after a space, may change. `joined`: there is no space between the
    two, as in languages without spaces; omitted when false."""

    turn: Turn
    stable: str
    tentative: str
    audio_ms: Milliseconds
    joined: bool = False


class SpeechStoppedMessage(Outbound, tag="speech_stopped"):
    """The utterance has ended, for `reason`; its last speech was at `at_ms`. Its `final` follows."""

    turn: Turn
    at_ms: Milliseconds
    reason: events.EndReason


class WordBlock(msgspec.Struct):
    """One word of a final, with its time and its probability from 0 to 1."""

    word: str
    start_ms: Milliseconds
    end_ms: Milliseconds
    probability: float


class FinalMessage(Outbound, tag="final", omit_defaults=True):
    """The final words of the utterance from `start_ms` to `end_ms`; `text` begins with the last `stable`, and
    is empty if there were no words. `language`: ISO 639-1 code of the recognised language; omitted when
    unknown."""

    turn: Turn
    text: str
    words: list[WordBlock]
    start_ms: Milliseconds
    end_ms: Milliseconds
    language: str = ""


class ReplyStartedMessage(Outbound, tag="reply_started", omit_defaults=True):
    """The reply to `turn` begins: its first token has arrived. `greeting`: it is the server's greeting, and
    answers nobody; omitted otherwise."""

    turn: Turn
    greeting: bool = False


class ReplyDeltaMessage(Outbound, tag="reply_delta"):
    """The next piece of the reply's text, to append to the previous pieces."""

    turn: Turn
    text: str


class ReplyDoneMessage(Outbound, tag="reply_done"):
    """The reply has ended, for `reason`; `interrupted`: the user spoke or typed over it. `text`: the
    delivered text; of a spoken reply, the part that was heard."""

    turn: Turn
    text: str
    reason: events.ReplyReason


class ToolCallMessage(Outbound, tag="tool_call"):
    """The model calls a tool; `arguments` is its JSON object, as text. `id` is repeated in the
    `tool_progress` and `tool_result` of the call."""

    turn: Turn
    id: str
    name: str
    arguments: str


class ToolResultMessage(Outbound, tag="tool_result"):
    """The answer of the tool, as text; with `ok` false, the reason of its failure."""

    turn: Turn
    id: str
    name: str
    content: str
    ok: bool


class ToolProgressMessage(Outbound, tag="tool_progress"):
    """The progress of a background call; its `tool_result` follows."""

    turn: Turn
    id: str
    name: str
    content: str


class ModeratedMessage(Outbound, tag="moderated"):
    """Moderation found `categories` in the user's words (`input`), or in the `reply`, which is stopped.
    `turn` 0: in instructions of the client; the server's own apply instead."""

    turn: Turn
    what: events.ModerationTarget
    categories: list[str]


class NoticeMessage(Outbound, tag="notice"):
    """A problem that did not end the reply: its error `code`, and in `message` what is done about it."""

    turn: Turn
    code: str
    message: str


class LatencyMessage(Outbound, tag="latency", omit_defaults=True):
    """The latency of the steps of a finished turn, in ms. `endpoint`, `final`, `asked`, `first_token`,
    `first_audio` and `done` are measured from the end of speech; `queue`, `decode` and `model` are durations.
    Steps that did not happen are omitted. `attempts`: requests to the model; `speculative`: whether the used
    one was made before the end of the turn."""

    turn: Turn
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
    """After every second of audio and every `text`: all audio before sample `samples`, at the client's rate,
    and the first `messages` text frames have been received and need not be sent again."""

    samples: int
    messages: int = 0


class GoingAwayMessage(Outbound, tag="going_away"):
    """The server is stopping: the session ends when it is next idle; connect again after `retry_after_ms`."""

    retry_after_ms: int


class EndingMessage(Outbound, tag="ending"):
    """The session will end in `in_ms` ms with the error `code` (`idle_timeout`, `token_expired` or
    `session_too_long`), unless the client prevents it."""

    code: str
    in_ms: int


class RefreshedMessage(Outbound, tag="refreshed"):
    """The new token was accepted; the next one is needed within `expires_in_ms` ms."""

    expires_in_ms: int


class ErrorMessage(Outbound, tag="error", omit_defaults=True):
    """An error: a `code` of the table of errors, and its description. `retryable`: whether a retry may
    succeed, and after `retry_after_ms`, if known. With some codes the session ends."""

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
