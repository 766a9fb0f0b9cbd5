"""The requests of a client: the data of its events, validated."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec
from wyoming.event import Event

from voicegw.core.audio import INPUT_RATES, SAMPLE_BYTES
from voicegw.core.key_term_limits import MAX_CHARACTERS, MAX_TERMS, check_key_terms
from voicegw.core.languages import is_language
from voicegw.core.text import encodable, quoted
from voicegw.errors import InvalidParameter, MalformedMessage, UnsupportedFormat, UnsupportedRate

MAX_TEXT_CHARACTERS = 10_000
_MAX_ERROR_CHARACTERS = 200


class AudioFormat(msgspec.Struct, frozen=True):
    """The format of audio. width: bytes of a sample."""

    rate: int
    width: int
    channels: int

    def check(self) -> None:
        """Raises UnsupportedFormat or UnsupportedRate."""
        if (self.width, self.channels) != (SAMPLE_BYTES, 1):
            raise UnsupportedFormat("audio must have one channel and samples of 2 bytes")
        if self.rate not in INPUT_RATES:
            raise UnsupportedRate(f"rate {self.rate}; supported: {', '.join(map(str, INPUT_RATES))}")


class Transcribe(msgspec.Struct, frozen=True):
    """How the audio that follows is transcribed. transcript_names, transcript_terms: words to expect."""

    language: str | None = None
    transcript_names: list[str] | None = None
    transcript_terms: list[str] | None = None

    @property
    def language_code(self) -> str:
        """ISO 639-1; empty for that of the gateway. Raises InvalidParameter."""
        code = (self.language or "").replace("_", "-").partition("-")[0].lower()
        if not is_language(code):
            raise InvalidParameter(f"language {quoted(self.language or '')} cannot be recognised")
        return code

    @property
    def key_terms(self) -> list[str]:
        """The words to expect, names first, as many as a session may have."""
        return list(_accepted((*(self.transcript_names or ()), *(self.transcript_terms or ()))))


class VoiceChoice(msgspec.Struct, frozen=True):
    """A voice by its name, or any of a language."""

    name: str | None = None
    language: str | None = None
    speaker: str | None = None


class Synthesize(msgspec.Struct, frozen=True):
    """A text to speak. In a stream, the first event has the voice, and the others have the text."""

    text: str = ""
    voice: VoiceChoice | None = None


Request = TypeVar("Request", bound=msgspec.Struct)


def request(event: Event, kind: type[Request]) -> Request:
    """The data of an event. Raises MalformedMessage."""
    try:
        return msgspec.convert(event.data, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise MalformedMessage(f"{event.type[:40]}: {str(error)[:_MAX_ERROR_CHARACTERS]}") from error


def _accepted(words: Iterable[str]) -> Iterable[str]:
    left = MAX_CHARACTERS
    for word in list(dict.fromkeys(encodable(word[:MAX_CHARACTERS]).strip() for word in words))[:MAX_TERMS]:
        try:
            check_key_terms((word,))
        except ValueError:
            continue
        if len(word) <= left:
            left -= len(word)
            yield word
