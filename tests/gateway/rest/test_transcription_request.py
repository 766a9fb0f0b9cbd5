"""What a form asks for."""

from typing import Any

import pytest

from voicegw.core.key_term_limits import check_key_terms
from voicegw.errors import InvalidParameter
from voicegw.gateway.rest.form import Form
from voicegw.gateway.rest.transcription_request import Format, TranscriptionRequest, key_terms


def request(**fields: str | list[str]) -> TranscriptionRequest:
    values = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
    return TranscriptionRequest.of(Form(values, {"file": b"RIFF"}))


def test_the_least_request() -> None:
    assert request() == TranscriptionRequest(b"RIFF")


def test_all_that_is_used() -> None:
    asked = request(
        response_format="verbose_json", language="EN-us", prompt="Anna, Kubernetes", stream="false"
    )
    assert asked == TranscriptionRequest(
        b"RIFF", Format.VERBOSE_JSON, language="en", key_terms=("Anna", "Kubernetes")
    )


def test_what_only_openais_models_use_is_ignored() -> None:
    assert request(model="whisper-1", temperature="0.4", chunking_strategy="auto") == request()


@pytest.mark.parametrize(
    ("granularities", "wanted"),
    [([], (False, True)), (["word"], (True, False)), (["word", "segment"], (True, True))],
)
def test_granularities(granularities: list[str], wanted: tuple[bool, bool]) -> None:
    asked = request(**{"timestamp_granularities[]": granularities})
    assert (asked.with_words, asked.with_segments) == wanted


BAD: dict[str, dict[str, Any]] = {
    "response_format": {"response_format": "xml"},
    "language": {"language": "klingon"},
    "stream": {"stream": "maybe"},
    "timestamp_granularities": {"timestamp_granularities[]": ["letter"]},
    "stream with subtitles": {"stream": "true", "response_format": "srt"},
    "language twice": {"language": ["en", "de"]},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{name.split()[0]}: "):
        request(**BAD[name])


def test_a_request_without_a_recording() -> None:
    with pytest.raises(InvalidParameter, match=r"^file: "):
        TranscriptionRequest.of(Form({"file": ["text"]}))


def test_the_terms_of_a_prompt() -> None:
    prompt = "Call Anna Smith. ZyntriQix, Kubernetes; Kubernetes, this is a sentence and no name\nA4"
    assert key_terms(prompt) == ("Call Anna Smith", "ZyntriQix", "Kubernetes", "A4")


@pytest.mark.parametrize("prompt", ["", " , ,", "x" * 60, "\x00a\u2028b", ", ".join(map(str, range(1_000)))])
def test_any_prompt_gives_terms_that_the_recogniser_takes(prompt: str) -> None:
    check_key_terms(key_terms(prompt))
