"""The codec of one connection: exactly one result for each binary message, and one at the end.

Recognition is not waited for: a result has what is known by then. So several finals may wait for the next
binary message, which is then answered with all of them.
"""

from collections.abc import Iterable
from dataclasses import replace

from voicegw.core.audio import INPUT_RATES, SAMPLE_RATE
from voicegw.core.commands import Commit, Configure, End
from voicegw.core.events import Event, Fault, FinalTranscript, PartialTranscript
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio, Codec, Frame, Opening, Received, ReplyAudio
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES, check_size
from voicegw.dialects.vosk.messages import Config, Message, decode
from voicegw.dialects.vosk.rate_converter import RateConverter
from voicegw.dialects.vosk.results import ResultForm, encode
from voicegw.errors import InvalidState, VoicegwError

MAX_AUDIO_BYTES = 1024 * 1024  # of one message, as vosk-server takes: some clients send a whole recording
_MAX_FIRST_BYTES = MAX_MESSAGE_BYTES // 2  # the first audio of a client without a configuration is kept


class VoskCodec(Codec):
    """profile: of a session, without what a client configures. token: of the request."""

    lock_step = True

    def __init__(self, profile: SessionProfile, token: str | None, form: ResultForm) -> None:
        self._profile = profile
        self._token = token
        self._form = form
        self._opened = self._ended = self._resetting = False
        self._rate = 0
        self._converter: RateConverter | None = None
        self._first_audio = b""
        self._owed = 0  # results, one for each binary message
        self._partial: PartialTranscript | None = None
        self._finals: list[FinalTranscript] = []
        self._error = ""

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        """See Codec. Raises MessageTooBig, MalformedMessage, OddByteCount, InvalidState, UnsupportedRate or
        InvalidValue."""
        if self._ended:
            return ()
        if isinstance(frame, bytes):
            return self._audio(frame)
        message = decode(frame)
        if message.config is not None:
            return self._configure(message.config)
        return self._control(message)

    def _audio(self, frame: bytes) -> Iterable[Received]:
        self._owed += 1
        check_size(frame, MAX_AUDIO_BYTES if self._opened else _MAX_FIRST_BYTES)
        if not self._opened:
            self._first_audio = frame
            return self._configure(Config())
        if self._converter is not None:
            return _audio(self._converter.convert(frame))
        return (*self._take_first_audio(), Audio(frame))

    def _take_first_audio(self) -> Iterable[Audio]:
        first, self._first_audio = self._first_audio, b""
        return _audio(first)

    def _take_rest(self) -> Iterable[Audio]:
        """The audio that is held back when no more comes."""
        return self._take_first_audio() if self._converter is None else _audio(self._converter.finish())

    def _configure(self, config: Config) -> Iterable[Received]:
        rate, key_terms = config.rate, config.key_terms
        if self._opened and config.sample_rate is not None and rate != self._rate:
            raise InvalidState("sample_rate cannot change")
        if config.words is not None:
            self._form.words = bool(config.words)
        if config.max_alternatives is not None:
            self._form.alternatives = config.max_alternatives > 0
        if not self._opened:
            self._opened, self._rate = True, rate
            self._converter = None if rate in INPUT_RATES else RateConverter(rate)
            known = rate if self._converter is None else SAMPLE_RATE
            profile = replace(self._profile, rate=known, key_terms=key_terms)
            return (Opening(profile, self._token),)
        return () if key_terms is None else (Configure(key_terms=key_terms),)

    def _control(self, message: Message) -> Iterable[Received]:
        if not self._opened:
            raise InvalidState("the first message must be a configuration or audio")
        if message.eof is None:
            self._resetting = True
            return (*self._take_first_audio(), Commit())
        self._ended = True
        return (*self._take_rest(), End())

    def answer(self) -> Iterable[Frame]:
        """One result for each binary message: the finals since the last result, or the partial."""
        while self._owed:
            self._owed -= 1
            yield self._result()

    def _result(self) -> Frame:
        result = self._form.final(self._finals) if self._finals else self._form.partial(self._partial)
        self._finals.clear()
        return self._frame(result)

    def _frame(self, result: dict[str, object]) -> Frame:
        """With the error since the last result, which other Vosk servers do not have."""
        error, self._error = self._error, ""
        return Frame(encode({**result, "error": error} if error else result))

    def send_event(self, event: Event, number: int) -> Iterable[Frame]:
        """Keeps the event for the next result; sends a result only where the client has reset."""
        match event:
            case PartialTranscript():
                self._partial = event
            case FinalTranscript(turn, text):
                if self._partial is not None and self._partial.turn <= turn:
                    self._partial = None
                if text:
                    self._finals.append(event)
                if self._resetting:
                    self._resetting = False
                    finals = self._form.final(self._finals)
                    self._finals.clear()
                    yield self._frame(finals)
            case Fault(code, message):
                self._error = f"{code}: {message}"
            case _:
                pass

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        """Nothing: there are no replies."""
        return ()

    def refuse(self, error: VoicegwError) -> Iterable[Frame]:
        """See Codec."""
        yield Frame(encode({"error": f"{error.code}: {error.message}"}))

    def end(self, error: VoicegwError | None) -> Iterable[Frame]:
        """The last result, where the client waits for one."""
        if self._ended or self._finals or error is not None:
            yield self._frame(self._form.final(self._finals))


def _audio(data: bytes) -> Iterable[Audio]:
    return (Audio(data),) if data else ()
