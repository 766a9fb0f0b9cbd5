"""Bridges that send a call as raw audio: signed 16-bit samples, little-endian, in binary messages."""

from functools import partial

from voicegw.dialects.bearer import bearer_token, offered_subprotocols
from voicegw.dialects.bridge import media_format
from voicegw.dialects.bridge.codec import BridgeCodec, BridgeRequest
from voicegw.dialects.bridge.vonage_signature import VonageOptions, check_signature
from voicegw.dialects.port import Dialect, Handshake
from voicegw.dialects.telephony import credentials
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES

PATH = "/bridge"
_FORK_SUBPROTOCOLS = ("audio.jambonz.org", "audio.drachtio.org")


class BridgeDialect(Dialect):
    """The token is in the path, the query, the header `Authorization`, or the first message. jambonz and
    mod_audio_fork require the subprotocol that they offer."""

    name = "bridge"
    path = PATH
    subprotocols = _FORK_SUBPROTOCOLS
    max_message_bytes = MAX_MESSAGE_BYTES

    def __init__(self, options: VonageOptions) -> None:
        self._options = options

    def serves(self, path: str) -> bool:
        """Also serves the path with a token appended."""
        return credentials.serves(path, PATH)

    def connect(self, handshake: Handshake) -> BridgeCodec:
        """See Dialect. Raises UnsupportedRate, UnsupportedFormat or InvalidParameter."""
        forks = any(each in _FORK_SUBPROTOCOLS for each in offered_subprotocols(handshake.headers))
        return BridgeCodec(
            BridgeRequest(
                media_format.of_query(handshake.query),
                credentials.request_token(handshake, PATH),
                forks,
                partial(check_signature, self._options, bearer_token(handshake.headers)),
            )
        )
