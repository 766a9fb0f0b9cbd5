"""What a client asks of `/v1/audio/transcriptions`: the fields of its form."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from voicegw.core.key_term_limits import MAX_CHARACTERS, MAX_TERM_CHARACTERS, MAX_TERMS
from voicegw.core.languages import is_language
from voicegw.core.text import quoted
from voicegw.errors import InvalidParameter
from voicegw.gateway.rest.form import Form

_FILE, _GRANULARITIES = "file", "timestamp_granularities"
_TERM_ENDS = re.compile(r"[,;:.!?\n\r\t]")
_MAX_TERM_WORDS = 4


class Format(StrEnum):
    """The form of a transcript."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VERBOSE_JSON = "verbose_json"
    VTT = "vtt"


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """language: ISO 639-1; empty for the server's default. with_words: times of words are wanted.
    with_segments: those of segments."""

    recording: bytes = field(repr=False)
    format: Format = Format.JSON
    stream: bool = False
    language: str = ""
    key_terms: tuple[str, ...] = ()
    with_words: bool = False
    with_segments: bool = True

    @classmethod
    def of(cls, form: Form) -> "TranscriptionRequest":
        """The request in a form. Fields that only change how OpenAI's models decode are ignored. Raises
        InvalidParameter."""
        if _FILE not in form.files:
            raise InvalidParameter(f"{_FILE}: the recording is missing")
        wanted = [*form.fields.get(f"{_GRANULARITIES}[]", ()), *form.fields.get(_GRANULARITIES, ())]
        if set(wanted) - {"word", "segment"}:
            raise InvalidParameter(f"{_GRANULARITIES}: must be `word` or `segment`")
        request = cls(
            form.files[_FILE],
            _format(form.value("response_format")),
            _boolean("stream", form.value("stream")),
            _language(form.value("language")),
            key_terms(form.value("prompt")),
            with_words="word" in wanted,
            with_segments=not wanted or "segment" in wanted,
        )
        if request.stream and request.format not in (Format.JSON, Format.TEXT):
            raise InvalidParameter(f"stream: not available with response_format {request.format}")
        return request


def _format(text: str) -> Format:
    try:
        return Format(text or Format.JSON)
    except ValueError:
        names = ", ".join(Format)
        raise InvalidParameter(f"response_format: {quoted(text)} is not one of {names}") from None


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in ("", "true", "false", "1", "0"):
        raise InvalidParameter(f"{name}: must be true or false, not {quoted(text)}")
    return text.lower() in ("true", "1")


def _language(text: str) -> str:
    code = text.strip().lower().partition("-")[0]
    if not is_language(code):
        raise InvalidParameter(f"language: {quoted(text)} is none that can be recognised")
    return code


def key_terms(prompt: str) -> tuple[str, ...]:
    """The names and technical terms of a prompt: its parts between punctuation that are no sentences, as many
    as the recogniser takes."""
    terms: dict[str, None] = {}
    characters = 0
    for part in _TERM_ENDS.split(prompt):
        term = " ".join(part.split())
        fits = len(term) <= MAX_TERM_CHARACTERS and characters + len(term) <= MAX_CHARACTERS
        if term.isprintable() and term and fits and term.count(" ") < _MAX_TERM_WORDS and term not in terms:
            terms[term] = None
            characters += len(term)
    return tuple(terms)[:MAX_TERMS]
