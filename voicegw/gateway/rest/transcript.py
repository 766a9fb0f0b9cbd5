"""Transcripts of recordings in the forms of OpenAI's REST API."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, assert_never

import msgspec

from voicegw.core.audio import SAMPLE_RATE, to_ms
from voicegw.core.jobs import AUTO_LANGUAGE, Word
from voicegw.core.subtitles import Segment, segments, srt, vtt
from voicegw.gateway.rest.transcription_request import Format, TranscriptionRequest

JSON_TYPE = "application/json"
_TEXT_TYPE = "text/plain; charset=utf-8"
EVENTS_TYPE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Transcript:
    """text: of the whole recording. samples: its length at 16 kHz. language: ISO 639-1; empty where it is
    unknown."""

    text: str
    words: tuple[Word, ...]
    samples: int
    language: str

    @property
    def usage(self) -> dict[str, Any]:
        """What it cost: the audio."""
        return {"type": "duration", "seconds": math.ceil(self.samples / SAMPLE_RATE)}


def encoded(transcript: Transcript, request: TranscriptionRequest) -> tuple[str, bytes]:
    """The content type and the body of the response."""
    match request.format:
        case Format.JSON:
            content = {"text": transcript.text, "usage": transcript.usage}
            return JSON_TYPE, msgspec.json.encode(content)
        case Format.VERBOSE_JSON:
            return JSON_TYPE, msgspec.json.encode(_verbose(transcript, request))
        case Format.TEXT:
            return _TEXT_TYPE, f"{transcript.text}\n".encode()
        case Format.SRT:
            return _TEXT_TYPE, srt(segments(transcript.words)).encode()
        case Format.VTT:
            return "text/vtt; charset=utf-8", vtt(segments(transcript.words)).encode()
        case _:
            assert_never(request.format)


def delta(text: str) -> bytes:
    """The event with the next text of a streamed transcript."""
    return event({"type": "transcript.text.delta", "delta": text})


def done(transcript: Transcript) -> bytes:
    """The last event of a streamed transcript."""
    content = {"type": "transcript.text.done", "text": transcript.text, "usage": transcript.usage}
    return event(content)


def event(content: object) -> bytes:
    """A server-sent event."""
    return b"data: " + msgspec.json.encode(content) + b"\n\n"


def _verbose(transcript: Transcript, request: TranscriptionRequest) -> dict[str, Any]:
    content: dict[str, Any] = {
        "task": "transcribe",
        "language": language_name(transcript.language),
        "duration": transcript.samples / SAMPLE_RATE,
        "text": transcript.text,
        "usage": transcript.usage,
    }
    if request.with_segments:
        content["segments"] = [
            _segment(number, each) for number, each in enumerate(segments(transcript.words))
        ]
    if request.with_words:
        content["words"] = [
            {"word": word.text, "start": to_ms(word.start) / 1000, "end": to_ms(word.end) / 1000}
            for word in transcript.words
        ]
    return content


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    """`tokens` is empty: they belong to the model. Segments are without `compression_ratio` and
    `no_speech_prob`, because text that these would make doubtful is rejected before."""
    return {
        "id": number,
        "seek": 0,
        "start": segment.start_ms / 1000,
        "end": segment.end_ms / 1000,
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": _mean_log(segment.words),
    }


def _mean_log(words: Sequence[Word]) -> float:
    return sum(math.log(max(word.probability, 1e-6)) for word in words) / len(words)


@cache
def language_name(code: str) -> str:
    """The English name of a language, as OpenAI states it; the code where there is no name."""
    from babel import Locale

    if code in ("", AUTO_LANGUAGE):
        return ""
    return str(Locale("en").languages.get(code, code)).lower()
