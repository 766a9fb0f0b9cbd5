"""The data of events is checked."""

from typing import Any

import pytest
from wyoming.event import Event

from voicegw.core.key_term_limits import MAX_CHARACTERS, MAX_TERMS
from voicegw.errors import InvalidParameter, MalformedMessage, UnsupportedFormat, UnsupportedRate
from voicegw.wyoming.requests import AudioFormat, Synthesize, Transcribe, VoiceChoice, request


def audio(**changed: int) -> AudioFormat:
    return request(Event("audio-start", {"rate": 16_000, "width": 2, "channels": 1, **changed}), AudioFormat)


def test_audio_is_mono_with_two_bytes_at_a_known_rate() -> None:
    audio(timestamp=5).check()
    for changed in ({"width": 4}, {"channels": 2}):
        with pytest.raises(UnsupportedFormat):
            audio(**changed).check()
    with pytest.raises(UnsupportedRate):
        audio(rate=44_100).check()


@pytest.mark.parametrize(
    ("language", "code"), [(None, ""), ("en", "en"), ("de-CH", "de"), ("pt_BR", "pt"), ("auto", "auto")]
)
def test_a_language_may_have_a_region(language: str | None, code: str) -> None:
    assert Transcribe(language).language_code == code


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="'klingon'"):
        _ = Transcribe("klingon").language_code


def test_key_terms_are_as_many_as_a_session_may_have() -> None:
    assert Transcribe(None, ["Anna", "Anna", " "], ["lamp", "x" * 60]).key_terms == ["Anna", "lamp"]
    assert len(Transcribe(None, [str(number) for number in range(200)]).key_terms) == MAX_TERMS
    many = Transcribe(None, [f"{number:020}" for number in range(50)]).key_terms
    assert sum(map(len, many)) == MAX_CHARACTERS


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (AudioFormat, {"rate": "16000", "width": 2, "channels": 1}),
        (AudioFormat, {}),
        (Transcribe, {"language": 1}),
        (Transcribe, {"transcript_names": "Anna"}),
        (Synthesize, {"text": "x", "voice": "y"}),
    ],
)
def test_other_data_is_refused(kind: Any, data: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage, match="the-type: "):
        request(Event("the-type", data), kind)


def test_a_voice_may_be_chosen() -> None:
    data = {"text": "Hello.", "voice": {"name": "a", "speaker": "b"}}
    assert request(Event("synthesize", data), Synthesize) == Synthesize("Hello.", VoiceChoice("a", None, "b"))
