"""OpenAI's client, unchanged, against `voicegw serve` with the bundled model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from clients.local_server import local_server
from clients.samples import sample_named
from tests.documents import PROTOCOL
from tests.speech import word_error_rate

SAMPLE = sample_named("session-1.flac")
SAID = " ".join(utterance.text for utterance in SAMPLE.utterances)
OPENAI = PROTOCOL.parent / "openai.md"


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The base URL of a server."""
    async with local_server("--model", "bundled") as server:
        yield server.url.replace("ws://", "http://").removesuffix("/stream")


def transcribed(client: openai.OpenAI, **options: Any) -> Any:
    return client.audio.transcriptions.create(model="whisper-1", file=SAMPLE.path, **options)


def plain(subtitles: str) -> str:
    """The text of subtitles without their times and numbers."""
    lines = [line for line in subtitles.splitlines() if "-->" not in line and not line.isdigit()]
    return " ".join(line for line in lines if line != "WEBVTT")


def check_every_format(url: str) -> None:
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        texts = [
            transcribed(client).text,
            transcribed(client, response_format="text"),
            plain(transcribed(client, response_format="srt")),
            plain(transcribed(client, response_format="vtt")),
            "".join(
                event.delta for event in transcribed(client, stream=True) if event.type.endswith("delta")
            ),
        ]
        verbose = transcribed(
            client, response_format="verbose_json", timestamp_granularities=["word", "segment"]
        )
    texts += [verbose.text, " ".join(word.word for word in verbose.words)]
    assert {" ".join(text.split()) for text in texts} == {texts[0]}
    assert word_error_rate(SAID, texts[0]) < 0.15
    assert verbose.duration == pytest.approx(SAMPLE.duration_ms / 1000, abs=0.1)
    times = [time for word in verbose.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert len(verbose.segments) > 10


async def test_every_format_by_both_clients_and_the_example() -> None:
    async with serving() as url:
        await asyncio.to_thread(check_every_format, url)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            said = await client.audio.transcriptions.create(model="whisper-1", file=SAMPLE.path)
            deltas = await client.audio.transcriptions.create(
                model="whisper-1", file=SAMPLE.path, stream=True
            )
            events = [event async for event in deltas]
            assert events[-1].type == "transcript.text.done"
            assert events[-1].text == said.text
        section = OPENAI.read_text().partition("## Speech by REST")[2]
        example = section.partition("```python\n")[2].partition("```")[0]
        shown: list[str] = []
        code = example.replace("http://127.0.0.1:8765/v1", url).replace("meeting.m4a", str(SAMPLE.path))
        await asyncio.to_thread(exec, code, {"print": shown.append})
    assert shown == [said.text]
