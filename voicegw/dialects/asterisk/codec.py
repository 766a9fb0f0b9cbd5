"""The codec of one call."""

from collections.abc import Iterable

from voicegw.core.commands import HoldAudio
from voicegw.core.events import Event as SessionEvent
from voicegw.core.profile import SessionProfile
from voicegw.dialects.asterisk.control import ControlForm, Event, TextForm, decode
from voicegw.dialects.asterisk.media_format import profile_of
from voicegw.dialects.language import checked_language
from voicegw.dialects.port import Codec, Frame, Opening, Received, ReplyAudio
from voicegw.dialects.telephony.caller_input import CallerInput
from voicegw.dialects.telephony.keypad import checked_key
from voicegw.dialects.telephony.marks import Marks
from voicegw.dialects.telephony.piece import PiecePadding
from voicegw.dialects.text_messages import check_size
from voicegw.errors import InvalidState, VoicegwError

TOKEN_VARIABLE, LANGUAGE_VARIABLE = "VOICEGW_TOKEN", "VOICEGW_LANG"  # of the channel


class AsteriskCodec(Codec):
    """Decodes and encodes one call, which begins with MEDIA_START. Events of the session have no messages,
    because a caller cannot see them. token, language: of the request; channel variables override
    them."""

    def __init__(self, token: str | None, language: str) -> None:
        self._token = token
        self._language = language
        self._form: ControlForm = TextForm()
        self._call: _Call | None = None

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """See Codec. Raises MessageTooBig, MalformedMessage or InvalidState; for MEDIA_START also
        UnsupportedFormat or InvalidParameter."""
        check_size(frame)
        if isinstance(frame, bytes):
            if self._call is None:
                raise InvalidState("audio before MEDIA_START")
            return self._call.receive_audio(frame)
        event, form = decode(frame)
        if event.name == "MEDIA_START":
            return (self._start(event, form),)
        return () if self._call is None else self._call.receive_event(event)

    def _start(self, event: Event, form: ControlForm) -> Opening:
        if self._call is not None:
            raise InvalidState("the call has started already")
        self._form = form
        language = checked_language(event.variable(LANGUAGE_VARIABLE) or self._language)
        profile = profile_of(event.format, event.frame_bytes, language)
        self._call = _Call(profile, form, marks=event.ptime is not None)
        return Opening(profile, event.variable(TOKEN_VARIABLE) or self._token)

    def send_event(self, event: SessionEvent, number: int) -> Iterable[Frame]:
        """Returns nothing: a caller hears replies, but sees no events."""
        return ()

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """The audio in whole pieces, and a mark after it if Asterisk reports marks."""
        return () if self._call is None else self._call.send_audio(audio)

    def stop_audio(self) -> Iterable[Frame]:
        """See Codec."""
        return () if self._call is None else self._call.stop_audio()

    def refuse(self, error: VoicegwError) -> Iterable[Frame]:
        """Ends the call; Asterisk shows no reason."""
        return (self._form.command("HANGUP"),)

    def end(self, error: VoicegwError | None) -> Iterable[Frame]:
        """Ends the call."""
        return (self._form.command("HANGUP"),)


class _Call:
    """A call that has begun. marks: Asterisk reports them."""

    def __init__(self, profile: SessionProfile, form: ControlForm, *, marks: bool) -> None:
        self._form = form
        self._has_marks = marks
        self._marks = Marks()
        self._caller = CallerInput(profile)
        self._padding = PiecePadding(profile)

    def receive_audio(self, data: bytes) -> Iterable[Received]:
        return self._caller.receive_audio(data)

    def receive_event(self, event: Event) -> Iterable[Received]:
        match event.name:
            case "DTMF_END":
                return self._caller.receive_key(checked_key(event.digit))
            case "MEDIA_MARK_PROCESSED":
                played = self._marks.receive_echo(event.mark) if isinstance(event.mark, str) else None
                return () if played is None else (played,)
            case "MEDIA_XOFF":
                return (HoldAudio(True),)
            case "MEDIA_XON":
                return (HoldAudio(False),)
            case _:
                return ()

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        yield Frame(self._padding.pad(audio.data), text=False)
        if self._has_marks:
            yield self._form.command("MARK_MEDIA", self._marks.place(audio))

    def stop_audio(self) -> Iterable[Frame]:
        self._marks.clear()
        return (self._form.command("FLUSH_MEDIA"),)
