"""The messages of a carrier: one set of structs for Twilio Media Streams and similar protocols.

Carriers spell the same fields differently; each spelling is a field here. Numbers may be numbers or text.
Unused fields, such as sequence numbers of messages, are not read.
"""

import re
from typing import Annotated

import msgspec

from voicegw.dialects.text_messages import check_size, decoded
from voicegw.errors import WrongFrameKind

Digit = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Da-d*#]$")]
Number = int | float | str | None


class MediaFormat(msgspec.Struct, frozen=True):
    """The audio encoding of a stream, as a MIME type or a name."""

    encoding: str | None = None
    rate: Number = msgspec.field(name="sampleRate", default=None)
    rate_snake: Number = msgspec.field(name="sample_rate", default=None)
    channels: Number = None


class StreamIds(msgspec.Struct, frozen=True):
    """The id of a stream. Its field name identifies the carrier."""

    twilio: str | None = msgspec.field(name="streamSid", default=None)
    exotel: str | None = msgspec.field(name="stream_sid", default=None)
    plivo: str | None = msgspec.field(name="streamId", default=None)
    telnyx: str | None = msgspec.field(name="stream_id", default=None)


class Start(StreamIds, frozen=True):
    """The stream begins. parameters: set by the application in its call to the carrier."""

    parameters: dict[str, object] | None = msgspec.field(name="customParameters", default=None)
    parameters_snake: dict[str, object] | None = msgspec.field(name="custom_parameters", default=None)
    media_format: MediaFormat | None = msgspec.field(name="mediaFormat", default=None)
    media_format_snake: MediaFormat | None = msgspec.field(name="media_format", default=None)

    def parameter(self, name: str) -> str:
        """The value of a parameter; empty when it is missing or not text."""
        value = (self.parameters or self.parameters_snake or {}).get(name)
        return value if isinstance(value, str) else ""


class Media(msgspec.Struct, frozen=True):
    """Audio; its payload is base64 in JSON. chunk: counts the packets of a track. timestamp: in ms, at most
    carriers from the start of the stream."""

    payload: bytes = b""
    track: str | None = None
    chunk: Number = None
    timestamp: Number = None


class Dtmf(msgspec.Struct, frozen=True):
    """A telephone key was pressed."""

    digit: Digit
    track: str | None = None


class Mark(msgspec.Struct, frozen=True):
    """The audio before the mark with this name has been played, or was cleared."""

    name: object = None


class Inbound(StreamIds, frozen=True):
    """Any message. event: its type; at most the field of that name is set. name: of a mark by Plivo.
    extra_headers: the parameters of a stream by Plivo, as text."""

    event: str = ""
    start: Start | None = None
    media: Media | None = None
    dtmf: Dtmf | None = None
    mark: Mark | None = None
    name: object = None
    extra_headers: object = None

    def parameter(self, name: str) -> str:
        """The value of a parameter of the stream; empty when it is missing or not text."""
        given = "" if self.start is None else self.start.parameter(name)
        return given or _header(self.extra_headers, name)


def _header(headers: object, name: str) -> str:
    """The value of one of Plivo's extra headers: `name=value` between commas or semicolons, in braces and
    with the prefix of SIP headers in some versions."""
    for each in re.split("[,;]", headers.strip(" {}") if isinstance(headers, str) else ""):
        key, found, value = re.sub("[\"' ]", "", each).partition("=" if "=" in each else ":")
        if found and key.lower().removeprefix("x-ph-") == name:
            return value
    return ""


def number(value: Number) -> int | None:
    """The integer in a number or text; None for anything else."""
    try:
        return int(str(value))
    except ValueError:
        return None


_decoder = msgspec.json.Decoder(Inbound)


def decode(frame: str | bytes) -> Inbound:
    """The message in a frame. Raises MessageTooBig, WrongFrameKind or MalformedMessage."""
    check_size(frame)
    if isinstance(frame, bytes):
        raise WrongFrameKind("a binary frame; audio comes as base64 in JSON")
    return decoded(frame, _decoder)
