"""Transcripts as OpenAI's types describe them."""

import json

import pytest
from openai.types.audio import TranscriptionVerbose

from tests.core.scenario import spoken
from voicegw.gateway.rest.transcript import Transcript, delta, done, encoded, language_name
from voicegw.gateway.rest.transcription_request import Format, TranscriptionRequest

WORDS = spoken("Good day. Bye.", start=16_000)
SAID = Transcript("Good day. Bye.", WORDS, 40_000, "en")


def form(wanted: Format, *, words: bool = False, segments: bool = True) -> tuple[str, bytes]:
    request = TranscriptionRequest(b"", wanted, with_words=words, with_segments=segments)
    return encoded(SAID, request)


def test_json() -> None:
    kind, body = form(Format.JSON)
    assert kind == "application/json"
    assert json.loads(body) == {"text": "Good day. Bye.", "usage": {"type": "duration", "seconds": 3}}


def test_text() -> None:
    assert form(Format.TEXT) == ("text/plain; charset=utf-8", b"Good day. Bye.\n")


def test_verbose_json() -> None:
    _, body = form(Format.VERBOSE_JSON, words=True)
    said = TranscriptionVerbose.construct(**json.loads(body))
    assert (said.duration, said.language, said.text) == (2.5, "english", "Good day. Bye.")
    content = json.loads(body)
    assert [(each["id"], each["start"], each["end"], each["text"]) for each in content["segments"]] == [
        (0, 1.0, 1.2, "Good day."),
        (1, 1.2, 1.3, "Bye."),
    ]
    assert content["segments"][0]["avg_logprob"] == pytest.approx(-0.105, abs=0.001)
    assert content["words"][0] == {"word": "Good", "start": 1.0, "end": 1.1}


def test_only_what_was_asked_for() -> None:
    _, body = form(Format.VERBOSE_JSON, segments=False)
    assert not {"segments", "words"} & set(json.loads(body))


def test_subtitles() -> None:
    assert form(Format.SRT)[1].startswith(b"1\n00:00:01,000 --> 00:00:01,200\nGood day.\n")
    assert form(Format.VTT)[1].startswith(b"WEBVTT\n\n00:00:01.000 --> 00:00:01.200\nGood day.\n")


def test_events() -> None:
    assert delta('"Hi"') == b'data: {"type":"transcript.text.delta","delta":"\\"Hi\\""}\n\n'
    last = json.loads(done(SAID).removeprefix(b"data: "))
    assert (last["type"], last["text"]) == ("transcript.text.done", "Good day. Bye.")


@pytest.mark.parametrize(
    ("code", "name"), [("en", "english"), ("de", "german"), ("jw", "jw"), ("", ""), ("auto", "")]
)
def test_the_name_of_a_language(code: str, name: str) -> None:
    assert language_name(code) == name
