"""What a carrier sends: one struct for Twilio Media Streams and the protocols that are near copies of it.

Carriers spell the same fields differently; each spelling is a field here. Numbers come as numbers or as text.
What nobody here needs, sequence numbers and timestamps for one, is not read.
"""

from typing import Annotated

import msgspec

from voicegw.errors import MalformedMessage, MessageTooBig, WrongFrameKind

MAX_MESSAGE_BYTES = 64 * 1024
_MOST_TOLD = 200  # characters about what is wrong with a message

Digit = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Da-d*#]$")]
Number = int | float | str | None


class MediaFormat(msgspec.Struct, frozen=True):
    """How the audio of a stream is encoded, by a MIME type or a name."""

    encoding: str | None = None
    rate: Number = msgspec.field(name="sampleRate", default=None)
    rate_snake: Number = msgspec.field(name="sample_rate", default=None)
    channels: Number = None


class StreamIds(msgspec.Struct, frozen=True):
    """The name of a stream. Its spelling tells the carriers apart."""

    twilio: str | None = msgspec.field(name="streamSid", default=None)
    exotel: str | None = msgspec.field(name="stream_sid", default=None)
    plivo: str | None = msgspec.field(name="streamId", default=None)
    telnyx: str | None = msgspec.field(name="stream_id", default=None)


class Start(StreamIds, frozen=True):
    """The stream begins. parameters: what the application has given to the carrier for us."""

    parameters: dict[str, object] | None = msgspec.field(name="customParameters", default=None)
    parameters_snake: dict[str, object] | None = msgspec.field(name="custom_parameters", default=None)
    media_format: MediaFormat | None = msgspec.field(name="mediaFormat", default=None)
    media_format_snake: MediaFormat | None = msgspec.field(name="media_format", default=None)

    def parameter(self, name: str) -> str:
        """A parameter's value; empty when it is missing or no text."""
        value = (self.parameters or self.parameters_snake or {}).get(name)
        return value if isinstance(value, str) else ""


class Media(msgspec.Struct, frozen=True):
    """A piece of audio; in JSON its payload is base64."""

    payload: bytes = b""
    track: str | None = None


class Dtmf(msgspec.Struct, frozen=True):
    """A key of the telephone was pressed."""

    digit: Digit
    track: str | None = None


class Mark(msgspec.Struct, frozen=True):
    """The audio before the mark of this name has been played, or was cleared."""

    name: object = None


class Inbound(StreamIds, frozen=True):
    """Any message. event: what it is; at most the field of that name is set. name: of a mark of Plivo's."""

    event: str = ""
    start: Start | None = None
    media: Media | None = None
    dtmf: Dtmf | None = None
    mark: Mark | None = None
    name: object = None


_decoder = msgspec.json.Decoder(Inbound)


def decode(frame: str | bytes) -> Inbound:
    """The message in a frame. Raises MessageTooBig, WrongFrameKind or MalformedMessage."""
    size = len(frame if isinstance(frame, bytes) else frame.encode())
    if size > MAX_MESSAGE_BYTES:
        raise MessageTooBig(f"a message of {size} bytes; the limit is {MAX_MESSAGE_BYTES}")
    if isinstance(frame, bytes):
        raise WrongFrameKind("a binary frame; audio comes as base64 in JSON")
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedMessage(str(error)[:_MOST_TOLD]) from error
