"""The codec of one call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from voicegw.core.commands import End
from voicegw.core.events import Event, Fault
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.dialects.bridge.inbound import CONNECTED, Inbound, decode
from voicegw.dialects.bridge.media_format import MediaFormat, Replies
from voicegw.dialects.bridge.outbound import (
    ForkOutbound,
    Outbound,
    PlayOutbound,
    StreamOutbound,
    VonageOutbound,
)
from voicegw.dialects.port import Codec, Frame, Opening, Received, ReplyAudio
from voicegw.dialects.telephony.caller_input import CallerInput
from voicegw.dialects.telephony.marks import Marks
from voicegw.dialects.telephony.piece import PiecePadding
from voicegw.dialects.text_messages import check_size
from voicegw.errors import VoicegwError


@dataclass(frozen=True, slots=True)
class BridgeRequest:
    """The request of a client. forks: it is mod_audio_fork, which jambonz uses. check_vonage: raises
    SignatureInvalid when the request must be, and is not, signed by Vonage."""

    media_format: MediaFormat
    token: str | None
    forks: bool
    check_vonage: Callable[[], None]


class BridgeCodec(Codec):
    """Decodes and encodes one call, which begins with the first message. That is a description of the call,
    or audio if the client sends no description. mod_audio_fork asks for the end by an empty binary
    message."""

    def __init__(self, request: BridgeRequest) -> None:
        self._request = request
        self._shows_errors = self._free_text = True
        self._ended = False
        self._call: _Call | None = None

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """See Codec. Raises MessageTooBig and MalformedMessage; for the first message also SignatureInvalid
        and the errors of MediaFormat."""
        check_size(frame)
        if self._call is None:
            return (self._open(frame),)
        if isinstance(frame, bytes):
            return self._receive_audio(self._call, frame)
        return self._call.receive_message(decode(frame, free_text=self._free_text))

    def _receive_audio(self, call: "_Call", data: bytes) -> Iterable[Received]:
        if self._ended:
            return ()
        self._ended = self._request.forks and not data
        return (*call.receive_audio(data), End()) if self._ended else call.receive_audio(data)

    def _open(self, frame: str | bytes) -> Opening:
        audio = frame if isinstance(frame, bytes) else b""
        described = decode(frame, free_text=True) if isinstance(frame, str) else Inbound()
        if described.event == CONNECTED:
            self._shows_errors = False
            self._request.check_vonage()
        media = self._request.media_format.stated(described.stated_rate, described.mix, described.lang)
        out = self._outbound(described, media)
        profile = media.profile(Playout(drops=out.drops))
        self._free_text = isinstance(out, StreamOutbound)
        self._call = _Call(profile, media, out, audio)
        token = described.token if isinstance(described.token, str) else ""
        return Opening(profile, token or self._request.token)

    def _outbound(self, described: Inbound, media: MediaFormat) -> Outbound:
        """The messages in the form of the client. Raises UnsupportedRate when no rate is known."""
        rate, replies = media.known_rate, media.replies
        if described.event == CONNECTED:
            return VonageOutbound(rate)
        if not self._request.forks:
            return StreamOutbound(rate, binary=replies is Replies.BINARY, drops=media.clears)
        return PlayOutbound(rate) if replies is Replies.JSON else ForkOutbound()

    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """Errors, for clients that report them. Other events have no messages: a caller cannot see them."""
        if self._call is None or not isinstance(event, Fault):
            return ()
        return self._call.out.fault(event.code, event.message)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """The audio, and a mark after it if the client reports marks."""
        return () if self._call is None else self._call.send_audio(audio)

    def stop_audio(self) -> Iterable[Frame]:
        """See Codec."""
        return () if self._call is None else self._call.stop_audio()

    def refuse(self, error: VoicegwError) -> Iterable[Frame]:
        """See Codec. The clients that show errors all read this form."""
        return ForkOutbound().error(error) if self._shows_errors else ()

    def end(self, error: VoicegwError | None) -> Iterable[Frame]:
        """See Codec."""
        return () if self._call is None else self._call.out.disconnect()


class _Call:
    """A call that has begun. out: the messages to its client. first: audio of the first message."""

    def __init__(self, profile: SessionProfile, media: MediaFormat, out: Outbound, first: bytes) -> None:
        self.out = out
        self._marks = Marks()
        self._caller = CallerInput(profile, media.channels, media.channel)
        self._padding = PiecePadding(profile)
        self._first = first

    def receive_audio(self, data: bytes) -> Iterable[Received]:
        data, self._first = self._first + data, b""
        return self._caller.receive_audio(data)

    def receive_message(self, message: Inbound) -> Iterable[Received]:
        if (key := message.key) is not None:
            return self._caller.receive_key(key)
        mark = message.played_mark
        played = self._marks.receive_echo(mark) if isinstance(mark, str) else None
        return () if played is None else (played,)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        return self.out.audio(self._padding.pad(audio.data), self._marks.place(audio))

    def stop_audio(self) -> Iterable[Frame]:
        self._marks.clear()
        return self.out.clear()
