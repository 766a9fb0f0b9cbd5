"""What the server sends in text frames, and the JSON Schema of all messages: each is a msgspec struct, so one
declaration gives encoding and schema."""

from typing import Annotated

import msgspec

from voicegw.core import events
from voicegw.dialects.native.client_messages import ClientMessage

Milliseconds = Annotated[int, msgspec.Meta(ge=0, description="milliseconds from the session's first sample")]
Turn = Annotated[int, msgspec.Meta(description="number of the utterance or typed message, from 1")]


class Outbound(msgspec.Struct, tag_field="type", kw_only=True):
    """A JSON message to the client."""

    seq: Annotated[int, msgspec.Meta(ge=1, description="counts all messages from 1, without gaps")]


class ReadyMessage(Outbound, tag="ready"):
    """The session is open: the first message, and after a reconnect the one behind those that were missed.

    `epoch` counts the session's connections; `resumed`: whether it is the session that was asked for.
    `next_sample`: the sample to send next, at the client's rate; `next_message`: the number of the text frame
    to send next, from 0. `development`: anybody on the server's machine gets in, without a token.
    `reply_audio`: what binary frames to the client hold, where replies are said aloud; else null.
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
    """Someone began to speak, at about `at_ms`: utterance `turn` begins."""

    turn: Turn
    at_ms: Milliseconds


class PartialMessage(Outbound, tag="partial", omit_defaults=True):
    """The words of a running utterance so far, taking into account the audio before `audio_ms`. `stable` only
    ever grows within a turn; `tentative`, which follows it behind a blank, may change. `joined`: there is no
    blank between the two, as in languages that are written without; left out when false."""

    turn: Turn
    stable: str
    tentative: str
    audio_ms: Milliseconds
    joined: bool = False


class SpeechStoppedMessage(Outbound, tag="speech_stopped"):
    """The utterance is over, and why; its last speech was at `at_ms`. Its `final` follows."""

    turn: Turn
    at_ms: Milliseconds
    reason: events.EndReason


class WordBlock(msgspec.Struct):
    """One word of a final, when it was said and how probable it is, from 0 to 1."""

    word: str
    start_ms: Milliseconds
    end_ms: Milliseconds
    probability: float


class FinalMessage(Outbound, tag="final", omit_defaults=True):
    """The settled words of an utterance that lasted from `start_ms` to `end_ms`; `text` begins with the last
    `stable`, and is empty if there were no words. `language`: the ISO 639-1 code of what it was recognised
    as; left out when that is not known."""

    turn: Turn
    text: str
    words: list[WordBlock]
    start_ms: Milliseconds
    end_ms: Milliseconds
    language: str = ""


class ReplyStartedMessage(Outbound, tag="reply_started"):
    """The first token of the reply to `turn` is there."""

    turn: Turn


class ReplyDeltaMessage(Outbound, tag="reply_delta"):
    """The next piece of the reply's text, to be put behind those before it."""

    turn: Turn
    text: str


class ReplyDoneMessage(Outbound, tag="reply_done"):
    """The reply is over, and why. `text`: all of it that was delivered; of a reply that is said aloud, all
    that was heard."""

    turn: Turn
    text: str
    reason: events.ReplyReason


class ToolCallMessage(Outbound, tag="tool_call"):
    """The model calls a tool; `arguments` is the JSON object it wrote, as text. `id` is repeated in the
    call's `tool_progress` and `tool_result`."""

    turn: Turn
    id: str
    name: str
    arguments: str


class ToolResultMessage(Outbound, tag="tool_result"):
    """What the tool answered, as text; with `ok` false, why it could not."""

    turn: Turn
    id: str
    name: str
    content: str
    ok: bool


class ToolProgressMessage(Outbound, tag="tool_progress"):
    """How a call in the background gets on; its `tool_result` follows when there is one."""

    turn: Turn
    id: str
    name: str
    content: str


class ModeratedMessage(Outbound, tag="moderated"):
    """Moderation found `categories` in what was said (`input`) or in the `reply`, which is stopped."""

    turn: Turn
    what: events.ModerationTarget
    categories: list[str]


class NoticeMessage(Outbound, tag="notice"):
    """Trouble that did not end the reply: an error's `code`, and in `message` what is done about it."""

    turn: Turn
    code: str
    message: str


class LatencyMessage(Outbound, tag="latency", omit_defaults=True):
    """How long the steps of a turn took, in ms, once it is over. `endpoint`, `final`, `asked`, `first_token`,
    `first_audio` and `done` count from the end of speech, `queue`, `decode` and `model` are durations. What
    did not happen is left out. `attempts`: requests to the model; `speculative`: whether the one that was
    used was made ahead of the turn's end."""

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
    """After every second of audio: all audio before sample `samples`, at the client's rate, and the first
    `messages` text frames have been taken in and need not be sent again."""

    samples: int
    messages: int = 0


class GoingAwayMessage(Outbound, tag="going_away"):
    """The server is stopping: the session ends at its next quiet moment; connect again after
    `retry_after_ms`."""

    retry_after_ms: int


class EndingMessage(Outbound, tag="ending"):
    """The session will end in `in_ms` ms, unless something is done about it, with the error `code`."""

    code: str
    in_ms: int


class RefreshedMessage(Outbound, tag="refreshed"):
    """The new token was accepted; the next one is needed within `expires_in_ms` ms."""

    expires_in_ms: int


class ErrorMessage(Outbound, tag="error", omit_defaults=True):
    """Something went wrong: a `code` of the table of errors, and `message` in words. `retryable`: whether it
    may work later, and if known after how many ms, `retry_after_ms`. With some codes the session ends."""

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
