"""Asterisk's channel driver chan_websocket, which connects to this server and sends a call as raw audio."""

from voicegw.dialects.asterisk.codec import AsteriskCodec
from voicegw.dialects.language import checked_language
from voicegw.dialects.port import Dialect, Handshake
from voicegw.dialects.telephony import credentials
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES

PATH = "/asterisk"


class AsteriskDialect(Dialect):
    """The token is in the path, the query, the header `Authorization`, or a channel variable. Asterisk
    requires the subprotocol that it offers (`protocols = media` in websocket_client.conf)."""

    name = "asterisk"
    path = PATH
    subprotocols = ("media",)
    max_message_bytes = MAX_MESSAGE_BYTES

    def serves(self, path: str) -> bool:
        """Also serves the path with a token appended."""
        return credentials.serves(path, PATH)

    def connect(self, handshake: Handshake) -> AsteriskCodec:
        """See Dialect. Raises InvalidParameter for an unknown `lang`; other parameters are ignored, because
        dialplans add their own."""
        language = checked_language(credentials.query_value(handshake.query, "lang") or "")
        return AsteriskCodec(credentials.request_token(handshake, PATH), language)
