"""The messages of a client. Each is a msgspec struct, so one declaration gives validation and the JSON Schema
for client authors (`messages.schema()`)."""

from dataclasses import fields
from typing import Annotated, Any

import msgspec

from voicegw.core.commands import ReplyMode
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.key_term_limits import MAX_TERM_CHARACTERS, MAX_TERMS
from voicegw.core.profile import MAX_INSTRUCTIONS_CHARACTERS, MAX_TOOLS, VOICE_NAME
from voicegw.core.utterance import RecognitionOptions

MAX_TEXT_CHARACTERS = 8_000
MAX_TOKEN_CHARACTERS = 8_000
_VISIBLE_CHARACTER = r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2060-\u206f\ufeff]"


def _range_of(options: type[Any], name: str) -> msgspec.Meta:
    """The range of an option, for the schema only: the session checks it and reports `invalid_value`."""
    [bounds] = (item.metadata for item in fields(options) if item.name == name)
    return msgspec.Meta(extra_json_schema={"minimum": bounds["ge"], "maximum": bounds["le"]})


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_KeyTerm = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TERM_CHARACTERS)]


class Inbound(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    """A JSON message from the client."""


class CommitMessage(Inbound, tag="commit"):
    """End the running utterance now, without waiting for silence. If none is running, the answer is a `final`
    without words.
    """


class CancelMessage(Inbound, tag="cancel"):
    """Stop the running reply."""


class TextMessage(Inbound, tag="text"):
    """A typed user message, answered like a spoken one. It must contain a visible character."""

    text: Annotated[
        str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS, pattern=_VISIBLE_CHARACTER)
    ]


class ConfigureMessage(Inbound, tag="configure"):
    """Change settings of this session; omitted settings stay unchanged. Times are in ms.

    `end_silence_ms`: the silence that ends a turn; depending on the words it is between `min_end_silence_ms`
    and `max_end_silence_ms`, which follow `end_silence_ms` unless given. `max_utterance_ms`: the longest
    utterance.
    `partial_interval_ms`: new speech between two partials. `reply`: how turns are answered; true for text,
    false for none. `speculate`: whether the model is already called in a pause. `key_terms`: names and
    technical terms that are likely to occur; they replace the earlier ones, and an empty list removes them.
    `language`: ISO 639-1 code of the speech from now on, or `auto`. `instructions`: the system prompt of the
    model, in place of the server's. `tools`: names of the server's tools that the model may call; an empty
    list for none. `voice`: the voice of replies, by its name in the server's voice engine.
    """

    end_silence_ms: Annotated[int, _range_of(EndpointOptions, "end_silence_ms")] | None = None
    min_end_silence_ms: Annotated[int, _range_of(EndpointOptions, "min_end_silence_ms")] | None = None
    max_end_silence_ms: Annotated[int, _range_of(EndpointOptions, "max_end_silence_ms")] | None = None
    max_utterance_ms: Annotated[int, _range_of(EndpointOptions, "max_utterance_ms")] | None = None
    partial_interval_ms: Annotated[int, _range_of(RecognitionOptions, "partial_interval_ms")] | None = None
    reply: bool | ReplyMode | None = None
    speculate: bool | None = None
    language: Annotated[str, msgspec.Meta(max_length=8)] | None = None
    instructions: Annotated[str, msgspec.Meta(max_length=MAX_INSTRUCTIONS_CHARACTERS)] | None = None
    tools: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    voice: Annotated[str, msgspec.Meta(pattern=VOICE_NAME)] | None = None
    key_terms: Annotated[tuple[_KeyTerm, ...], msgspec.Meta(max_length=MAX_TERMS)] | None = None


class PlayedMessage(Inbound, tag="played"):
    """How much audio of the reply to `turn`, or of the last reply, has been played, in ms."""

    audio_ms: Annotated[int, msgspec.Meta(ge=0)]
    turn: int | None = None


class AckMessage(Inbound, tag="ack"):
    """The `seq` of the last event received."""

    seq: Annotated[int, msgspec.Meta(ge=0)]


class RefreshMessage(Inbound, tag="refresh"):
    """A new token of the same user, so that the session can continue when the old token ends."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]


class EndMessage(Inbound, tag="end"):
    """No more input follows: finish the running utterance and its reply, then close."""


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
