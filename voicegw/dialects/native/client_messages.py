"""What a client sends in text frames. Every message is a msgspec struct, so one declaration gives validation
and the JSON Schema for client authors (`messages.schema()`)."""

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
_SOMETHING_VISIBLE = r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2060-\u206f\ufeff]"


def _range_of(options: type[Any], name: str) -> msgspec.Meta:
    """The range of an option, for the schema only: the session checks it, and answers `invalid_value`."""
    [bounds] = (item.metadata for item in fields(options) if item.name == name)
    return msgspec.Meta(extra_json_schema={"minimum": bounds["ge"], "maximum": bounds["le"]})


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_KeyTerm = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TERM_CHARACTERS)]


class Inbound(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    """A JSON message from the client."""


class CommitMessage(Inbound, tag="commit"):
    """End the running utterance now, without waiting for silence. If none is running, a `final` without words
    says so.
    """


class CancelMessage(Inbound, tag="cancel"):
    """Stop the running reply."""


class TextMessage(Inbound, tag="text"):
    """A typed user message, answered like a spoken one. Blanks and invisible characters alone are none."""

    text: Annotated[
        str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS, pattern=_SOMETHING_VISIBLE)
    ]


class ConfigureMessage(Inbound, tag="configure"):
    """Change this session's settings; what is left out stays as it is. Times are in ms.

    The silence that ends a turn: `end_silence_ms`, or by what was said at least `min_end_silence_ms` and at
    most `max_end_silence_ms`, which follow `end_silence_ms` unless given. `max_utterance_ms`: when an
    utterance is ended in any case.
    `partial_interval_ms`: new speech between two partials. `reply`: how turns are answered; true for text,
    false for none. `speculate`: whether the model is asked in a pause already. `key_terms`: names and words
    of a trade that are likely to be said, in place of those so far; an empty list takes them away.
    `language`: ISO 639-1 code of what is spoken from now on, or `auto`. `instructions`: the model's system
    prompt, in place of the server's. `tools`: names of the server's tools that the model may call; an empty
    list for none. `voice`: what speaks, as the server's voice engine knows it.
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
