"""The messages of a client. Each is a msgspec struct, so one declaration gives validation and the JSON Schema
for client authors (`messages.schema()`)."""

from dataclasses import fields
from typing import Annotated, Any

import msgspec

from voicegw.core.commands import ReplyMode
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.key_term_limits import MAX_CHARACTERS, MAX_TERM_CHARACTERS, MAX_TERMS
from voicegw.core.profile import MAX_INSTRUCTIONS_CHARACTERS, MAX_TOOLS, VOICE_NAME
from voicegw.core.utterance import RecognitionOptions

MAX_TEXT_CHARACTERS = 8_000
MAX_TOKEN_CHARACTERS = 8_000
_VISIBLE_CHARACTER = r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2060-\u206f\ufeff]"


def _option_of(options: type[Any], name: str) -> msgspec.Meta:
    """Range and description of an option, for the schema only: the session checks it and reports
    `invalid_value`."""
    [option] = (item.metadata for item in fields(options) if item.name == name)
    return msgspec.Meta(
        description=option["description"],
        extra_json_schema={"minimum": option["ge"], "maximum": option["le"]},
    )


_EndSilence = Annotated[int, _option_of(EndpointOptions, "end_silence_ms")]
_MinEndSilence = Annotated[int, _option_of(EndpointOptions, "min_end_silence_ms")]
_MaxEndSilence = Annotated[int, _option_of(EndpointOptions, "max_end_silence_ms")]
_MaxUtterance = Annotated[int, _option_of(EndpointOptions, "max_utterance_ms")]
_PartialInterval = Annotated[int, _option_of(RecognitionOptions, "partial_interval_ms")]
_Reply = Annotated[
    bool | ReplyMode, msgspec.Meta(description="how turns are answered; true means text, false none")
]
_Speculate = Annotated[bool, msgspec.Meta(description="whether the model is already requested in a pause")]
_Language = Annotated[
    str, msgspec.Meta(max_length=8, description="ISO 639-1 code of the speech from now on, or auto")
]
_Instructions = Annotated[
    str,
    msgspec.Meta(
        max_length=MAX_INSTRUCTIONS_CHARACTERS, description="system prompt, in place of the server's"
    ),
]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Tools = Annotated[
    tuple[_Name, ...],
    msgspec.Meta(
        max_length=MAX_TOOLS,
        description="names of the server's tools that the model may call; an empty list for none",
    ),
]
_Voice = Annotated[
    str,
    msgspec.Meta(
        pattern=VOICE_NAME,
        description="voice of replies, by its name in the server's voice engine; empty for the default",
    ),
]
_KeyTerm = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TERM_CHARACTERS)]
_KeyTerms = Annotated[
    tuple[_KeyTerm, ...],
    msgspec.Meta(
        max_length=MAX_TERMS,
        description="names and technical terms that are likely to be spoken, in place of the earlier ones; "
        f"at most {MAX_CHARACTERS} characters together",
    ),
]


class Inbound(msgspec.Struct, tag_field="type", forbid_unknown_fields=True):
    """A JSON message from the client."""


class CommitMessage(Inbound, tag="commit"):
    """End the running utterance now, without waiting for silence. If none is running, the answer is a `final`
    without words."""


class CancelMessage(Inbound, tag="cancel"):
    """Stop the current reply."""


class TextMessage(Inbound, tag="text"):
    """A typed message of the user, which is answered at once. It must contain a visible character."""

    text: Annotated[
        str, msgspec.Meta(min_length=1, max_length=MAX_TEXT_CHARACTERS, pattern=_VISIBLE_CHARACTER)
    ]


class ConfigureMessage(Inbound, tag="configure"):
    """Change settings of this session; omitted ones stay unchanged."""

    end_silence_ms: _EndSilence | None = None
    min_end_silence_ms: _MinEndSilence | None = None
    max_end_silence_ms: _MaxEndSilence | None = None
    max_utterance_ms: _MaxUtterance | None = None
    partial_interval_ms: _PartialInterval | None = None
    reply: _Reply | None = None
    speculate: _Speculate | None = None
    language: _Language | None = None
    instructions: _Instructions | None = None
    tools: _Tools | None = None
    voice: _Voice | None = None
    key_terms: _KeyTerms | None = None


class PlayedMessage(Inbound, tag="played"):
    """How much audio of the reply to `turn`, or of the last reply, has been played. Without such reports,
    and in a reply after a reconnect, audio counts as played when it is due."""

    audio_ms: Annotated[int, msgspec.Meta(ge=0)]
    turn: int | None = None


class AckMessage(Inbound, tag="ack"):
    """The `seq` of the last message received; messages up to it are no longer kept for a reconnect."""

    seq: Annotated[int, msgspec.Meta(ge=0)]


class RefreshMessage(Inbound, tag="refresh"):
    """A new token of the same user, so that the session can continue when the old token ends."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]


class EndMessage(Inbound, tag="end"):
    """No more input follows: the server finishes the utterance and its reply, then closes with code 1000."""


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
