"""The events of a client. Unknown fields are ignored: clients end their session at any error."""

from typing import Annotated, Any

import msgspec

from voicegw.errors import MalformedMessage, MessageTooBig, UnknownMessageType, WrongFrameKind

MAX_MESSAGE_BYTES = 256 * 1024
MAX_OTHER_BYTES = 128 * 1024  # of an event without audio
_MAX_DEPTH = 50
_MAX_ERROR_CHARACTERS = 200


class ClientEvent(msgspec.Struct, tag_field="type", kw_only=True):
    """event_id: the client's name of the event, which is repeated in errors."""

    event_id: str | None = None


class SessionUpdate(ClientEvent, tag="session.update"):
    session: dict[str, Any]


class AudioAppend(ClientEvent, tag="input_audio_buffer.append"):
    audio: bytes


class AudioCommit(ClientEvent, tag="input_audio_buffer.commit"):
    pass


class AudioClear(ClientEvent, tag="input_audio_buffer.clear"):
    pass


class OutputClear(ClientEvent, tag="output_audio_buffer.clear"):
    pass


class ItemCreate(ClientEvent, tag="conversation.item.create"):
    item: dict[str, Any]
    previous_item_id: str | None = None


class ItemDelete(ClientEvent, tag="conversation.item.delete"):
    item_id: str


class ItemRetrieve(ClientEvent, tag="conversation.item.retrieve"):
    item_id: str


class ItemTruncate(ClientEvent, tag="conversation.item.truncate"):
    item_id: str
    audio_end_ms: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    content_index: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0


class ResponseCreate(ClientEvent, tag="response.create"):
    response: dict[str, Any] | None = None


class ResponseCancel(ClientEvent, tag="response.cancel"):
    response_id: str | None = None


AnyClientEvent = (
    SessionUpdate
    | AudioAppend
    | AudioCommit
    | AudioClear
    | OutputClear
    | ItemCreate
    | ItemDelete
    | ItemRetrieve
    | ItemTruncate
    | ResponseCreate
    | ResponseCancel
)


class _Reference(msgspec.Struct):
    event_id: str | None = None


_decoder: msgspec.json.Decoder[AnyClientEvent] = msgspec.json.Decoder(AnyClientEvent)
_reference_decoder = msgspec.json.Decoder(_Reference)


def decode(frame: str | bytes) -> AnyClientEvent:
    """The event in a frame. Raises WrongFrameKind, MessageTooBig, MalformedMessage or UnknownMessageType."""
    if isinstance(frame, bytes):
        raise WrongFrameKind("a binary frame; audio is sent as input_audio_buffer.append")
    size = len(frame.encode(errors="replace"))
    if size > MAX_MESSAGE_BYTES:
        raise MessageTooBig(f"{size} bytes; the limit is {MAX_MESSAGE_BYTES}")
    try:
        event = _decoder.decode(frame)
    except msgspec.ValidationError as error:
        reason = str(error)[:_MAX_ERROR_CHARACTERS]
        if reason.endswith("`$.type`"):
            raise UnknownMessageType(reason) from error
        raise MalformedMessage(reason) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MalformedMessage(f"{error}"[:_MAX_ERROR_CHARACTERS]) from error
    if not isinstance(event, AudioAppend):
        if size > MAX_OTHER_BYTES:
            raise MalformedMessage(f"{size} bytes; the limit is {MAX_OTHER_BYTES} for an event without audio")
        if frame.count("{") + frame.count("[") > _MAX_DEPTH:
            _check_depth(msgspec.to_builtins(event), _MAX_DEPTH)
    return event


def _check_depth(value: Any, left: int) -> None:
    """Raises MalformedMessage for objects so deep that they could not be sent back."""
    if left == 0:
        raise MalformedMessage("nested too deeply")
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            _check_depth(each, left - 1)


def reference_of(frame: str | bytes) -> str:
    """The event_id of an event that cannot be decoded; empty if it has none."""
    if isinstance(frame, bytes) or len(frame) > MAX_MESSAGE_BYTES:
        return ""
    try:
        return _reference_decoder.decode(frame).event_id or ""
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
