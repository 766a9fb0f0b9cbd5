"""Callers of the REST API: OpenAI's client, and bytes on a socket."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from openai import AsyncOpenAI

from tests.gateway.fakes import SPOKEN, Stage
from tests.observing import PATIENCE_S


def recording(pcm: bytes = SPOKEN) -> bytes:
    """A WAV file of samples at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, 16_000, 0, "NONE", ""))
        output.writeframes(pcm)
    return file.getvalue()


@asynccontextmanager
async def calling(stage: Stage, key: str = "none", prefix: str = "") -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client, which repeats nothing."""
    url = f"http://127.0.0.1:{stage.port}{prefix}/v1"
    async with AsyncOpenAI(base_url=url, api_key=key, max_retries=0, timeout=PATIENCE_S) as client:
        yield client


async def transcribed(client: AsyncOpenAI, file: bytes | None = None, **options: Any) -> Any:
    """What the client makes of a recording."""
    named = ("a.wav", recording() if file is None else file)
    return await client.audio.transcriptions.create(model="whisper-1", file=named, **options)


async def asked(stage: Stage, method: str, path: str, **options: Any) -> httpx2.Response:
    """The response to any request."""
    async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
        return await client.request(method, f"http://127.0.0.1:{stage.port}{path}", **options)


async def sent(stage: Stage, request: bytes) -> bytes:
    """Everything that the server answers to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    finally:
        writer.close()
        await writer.wait_closed()
