"""Twilio Media Streams, and its near copies, behind the port: JSON with audio in base64; no session can be
resumed."""

from urllib.parse import unquote

from voicegw.dialects.port import Dialect, Handshake
from voicegw.dialects.twilio.codec import TwilioCodec
from voicegw.dialects.twilio.inbound import MAX_MESSAGE_BYTES
from voicegw.dialects.twilio.signature import TwilioOptions, check_signature

PATH = "/twilio"


class TwilioDialect(Dialect):
    """A token is a parameter of the stream, or the last part of the path: carriers send no headers of one's
    own, and Twilio no query."""

    name = "twilio"
    path = PATH
    max_message_bytes = MAX_MESSAGE_BYTES

    def __init__(self, options: TwilioOptions) -> None:
        self._options = options

    def serves(self, path: str) -> bool:
        """Also with a token behind the path."""
        return path == PATH or path.startswith(f"{PATH}/")

    def connect(self, handshake: Handshake) -> TwilioCodec:
        """See Dialect. Raises SignatureInvalid."""
        check_signature(self._options, handshake)
        return TwilioCodec(unquote(handshake.path.removeprefix(PATH)).strip("/") or None)
