"""The native dialect behind the port: JSON in text frames, audio in binary ones; sessions can be resumed."""

from collections.abc import Iterable

from voicegw.core.events import Event
from voicegw.dialects.bearer import bearer_token
from voicegw.dialects.native import codec, query
from voicegw.dialects.port import Audio, Codec, Dialect, Frame, Handshake, Opening, Received, ReplyAudio

PATH = "/v1/stream"
SUBPROTOCOL = "voicegw.v1"


class NativeDialect(Dialect):
    """What a client wants is in the URL; its token in a header or in a subprotocol."""

    name = "native"
    path = PATH
    subprotocols = (SUBPROTOCOL,)
    max_message_bytes = codec.MAX_MESSAGE_BYTES
    resumable = True

    def connect(self, handshake: Handshake) -> "NativeCodec":
        """See Dialect. Raises UnsupportedRate, UnsupportedFormat, UnsupportedReply or InvalidParameter."""
        asked = query.parse(handshake.query)
        return NativeCodec(Opening(asked.profile, bearer_token(handshake.headers), asked.resume))


class NativeCodec(Codec):
    """Holds nothing but the opening: every frame stands for itself."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """Text is a command, and binary is audio."""
        if isinstance(frame, str):
            return (codec.decode(frame),)
        codec.check_audio(frame)
        return (Audio(frame),)

    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """One message for each event, with its number."""
        return (Frame(codec.encode(event, number)),)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """The audio as it is."""
        return (Frame(audio.data, text=False),)
