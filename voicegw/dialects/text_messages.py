"""The size and the JSON of messages of clients, where dialects treat them alike."""

from typing import TypeVar

import msgspec

from voicegw.errors import MalformedMessage, MessageTooBig

MAX_MESSAGE_BYTES = 64 * 1024
_MAX_ERROR_CHARACTERS = 200  # longest description of an error, which may quote the message

Message = TypeVar("Message")


def check_size(frame: str | bytes, limit: int = MAX_MESSAGE_BYTES) -> None:
    """Raises MessageTooBig for a frame of more bytes."""
    size = len(frame.encode(errors="replace") if isinstance(frame, str) else frame)
    if size > limit:
        raise MessageTooBig(f"a message of {size} bytes; the limit is {limit}")


def decoded(text: str, decoder: msgspec.json.Decoder[Message]) -> Message:
    """The message in a text frame. Raises MalformedMessage."""
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise MalformedMessage(str(error)[:_MAX_ERROR_CHARACTERS]) from error
