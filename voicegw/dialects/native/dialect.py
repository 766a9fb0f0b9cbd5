"""The native dialect: JSON in text frames, audio in binary frames; sessions can be resumed."""

from collections.abc import Iterable

from voicegw.core.events import Event
from voicegw.dialects.bearer import bearer_token
from voicegw.dialects.native import codec, query
from voicegw.dialects.port import Audio, Codec, Dialect, Frame, Handshake, Opening, Received, ReplyAudio
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES

PATH = "/v1/stream"
SUBPROTOCOL = "voicegw.v1"


class NativeDialect(Dialect):
    """The URL states the request; the token is in a header or in a subprotocol."""

    name = "native"
    path = PATH
    subprotocols = (SUBPROTOCOL,)
    max_message_bytes = MAX_MESSAGE_BYTES
    resumable = stored = True

    def connect(self, handshake: Handshake) -> "NativeCodec":
        """See Dialect. Raises UnsupportedRate, UnsupportedFormat, UnsupportedReply or InvalidParameter."""
        requested = query.parse(handshake.query)
        return NativeCodec(Opening(requested.profile, bearer_token(handshake.headers), requested.resume))


class NativeCodec(Codec):
    """Stateless apart from the opening: frames are independent of each other."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """Text frames are commands, binary frames audio."""
        if isinstance(frame, str):
            return (codec.decode(frame),)
        codec.check_audio(frame)
        return (Audio(frame),)

    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """One message with the number of the event."""
        return (Frame(codec.encode(event, number)),)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """The audio in a binary frame."""
        return (Frame(audio.data, text=False),)
