"""Twilio Media Streams and similar protocols: JSON with audio in base64; sessions cannot be resumed."""

from voicegw.dialects.port import Dialect, Handshake
from voicegw.dialects.telephony import credentials
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES
from voicegw.dialects.twilio.codec import TwilioCodec
from voicegw.dialects.twilio.signature import TwilioOptions, check_signature

PATH = "/twilio"


class TwilioDialect(Dialect):
    """The token is a parameter of the stream, or in the request: Twilio sends no headers and no query, others
    send one of them."""

    name = "twilio"
    path = PATH
    max_message_bytes = MAX_MESSAGE_BYTES

    def __init__(self, options: TwilioOptions) -> None:
        self._options = options

    def serves(self, path: str) -> bool:
        """Also serves the path with a token appended."""
        return credentials.serves(path, PATH)

    def connect(self, handshake: Handshake) -> TwilioCodec:
        """See Dialect. Raises SignatureInvalid."""
        check_signature(self._options, handshake)
        return TwilioCodec(credentials.request_token(handshake, PATH))
