"""The codec of one media stream of a telephone call."""

from collections.abc import Iterable

import numpy as np

from voicegw.core.commands import Cancel, End
from voicegw.core.events import Event
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Codec, Frame, Opening, Received, ReplyAudio
from voicegw.dialects.telephony.caller_input import CallerInput
from voicegw.dialects.telephony.concealment import Concealment
from voicegw.dialects.telephony.marks import Marks
from voicegw.dialects.telephony.piece import PiecePadding
from voicegw.dialects.twilio.inbound import Inbound, Start, StreamIds, decode
from voicegw.dialects.twilio.media_format import profile_of, swaps_bytes
from voicegw.dialects.twilio.numbering import Numbering
from voicegw.dialects.twilio.outbound import Outbound, outbound
from voicegw.dialects.twilio.packets import MAX_LATE, Packets
from voicegw.errors import InvalidState, MalformedMessage

_OUTBOUND_TRACK = "outbound"


class TwilioCodec(Codec):
    """Decodes and encodes one stream. Messages before its `start` message are ignored. token: of the URL, for
    a stream whose `start` has none. Events have no messages, because a caller cannot see them."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._stream: _Stream | None = None
        self._stopped = False

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """See Codec. Raises MessageTooBig, WrongFrameKind, MalformedMessage or InvalidState; for the `start`
        message also the errors of `profile_of`."""
        message = decode(frame)
        if self._stopped:
            return ()
        if message.event == "start":
            return (self._start(message),)
        if self._stream is None:
            return ()
        if message.event == "stop":
            self._stopped = True
            return Cancel(), End(answered=False)  # nobody would hear the reply, and its tools might act
        return self._stream.receive(message)

    def _start(self, message: Inbound) -> Opening:
        if self._stream is not None:
            raise InvalidState("the stream has started already")
        names = _names(message, message.start or Start())
        profile = profile_of(message, names)
        swaps = swaps_bytes(message, names, profile.audio_format)
        self._stream = _Stream(profile, names, outbound(names, profile), swaps=swaps)
        return Opening(profile, message.parameter("token") or self._token)

    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """Returns nothing: a caller hears replies, but sees no events."""
        return ()

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """The audio, and a mark after it."""
        return () if self._stream is None or self._stopped else self._stream.send_audio(audio)

    def stop_audio(self) -> Iterable[Frame]:
        """See Codec."""
        return () if self._stream is None or self._stopped else self._stream.stop_audio()


class _Stream:
    """A stream that has started. swaps: its samples have the high byte first."""

    def __init__(self, profile: SessionProfile, names: StreamIds, out: Outbound, *, swaps: bool) -> None:
        self._out = out
        self._swaps = swaps
        self._numbering = Numbering(profile, by_time=names.twilio is not None)
        self._packets = Packets(MAX_LATE if names.telnyx is not None else 0)
        self._concealment = Concealment(profile)
        self._marks = Marks()
        self._caller = CallerInput(profile)
        self._padding = PiecePadding(profile)

    def receive(self, message: Inbound) -> Iterable[Received]:
        match message.event:
            case "media":
                return self._media(message)
            case "dtmf":
                return self._dtmf(message)
            case "mark":
                return self._mark(None if message.mark is None else message.mark.name)
            case "playedStream":
                return self._mark(message.name)
            case _:
                return ()

    def _media(self, message: Inbound) -> Iterable[Received]:
        if (media := message.media) is None:
            raise MalformedMessage("a media message without media")
        if media.track == _OUTBOUND_TRACK:
            self._numbering.receive_other_track()
            return
        payload = _swapped(media.payload) if self._swaps else media.payload
        for packet in self._packets.push(self._numbering.number(media), payload):
            yield from self._caller.receive_audio(self._concealment.receive(packet))

    def _dtmf(self, message: Inbound) -> Iterable[Received]:
        if message.dtmf is None:
            raise MalformedMessage("a dtmf message without a digit")
        return self._caller.receive_key(message.dtmf.digit)

    def _mark(self, name: object) -> Iterable[Received]:
        played = self._marks.receive_echo(name) if isinstance(name, str) else None
        return () if played is None else (played,)

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        data = self._padding.pad(audio.data)
        media = self._out.media(_swapped(data) if self._swaps else data)
        return media, self._out.mark(self._marks.place(audio))

    def stop_audio(self) -> Iterable[Frame]:
        self._marks.clear()
        return (self._out.clear(),)


def _names(message: Inbound, start: Start) -> StreamIds:
    """The names of the stream, from the message or its `start`."""
    return StreamIds(
        message.twilio or start.twilio,
        message.exotel or start.exotel,
        message.plivo or start.plivo,
        message.telnyx or start.telnyx,
    )


def _swapped(data: bytes) -> bytes:
    """16-bit samples with their two bytes exchanged. Half a sample at the end is dropped: packets have whole
    ones."""
    return np.frombuffer(data, dtype="<i2", count=len(data) // 2).byteswap().tobytes()
