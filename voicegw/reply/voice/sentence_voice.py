"""Replies said aloud: whichever engine makes the sound, a sentence becomes what is to be said (spoken.py),
is made within its time limits, and comes out at the client's rate."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from voicegw.core.options import option
from voicegw.errors import VoiceFailed
from voicegw.reply.voice.spoken_text import spoken

MAX_SENTENCE_S = 60.0  # of audio: a sentence has at most 240 characters, so more is an engine gone astray


class VoiceEngine(StrEnum):
    """What makes the sound."""

    AUTO = "auto"
    ESPEAK = "espeak"
    OPENAI = "openai"
    NONE = "none"


@dataclass(frozen=True)
class VoiceOptions:
    """How replies are said aloud to clients that ask for audio."""

    engine: VoiceEngine = option(
        VoiceEngine.AUTO,
        "espeak: espeak-ng, on this machine; openai: an OpenAI-compatible /audio/speech endpoint; none; "
        "auto: espeak where espeak-ng is installed",
    )
    url: str | None = option(None, "base URL of the endpoint; OpenAI's by default")
    model: str = option("gpt-4o-mini-tts", "name of the endpoint's model")
    api_key: str | None = field(
        default=None,
        repr=False,
        metadata={"description": "API key of the endpoint; without one, none is sent"},
    )
    name: str | None = option(None, "the voice, as the engine knows it (default: en-us for espeak, or alloy)")
    language: str | None = option(
        None, "ISO 639-1 code of the replies, in which units and numbers are said; by default the user's"
    )
    speed: float = option(1.0, "how fast it talks; 1 is about 175 words a minute", ge=0.5, le=2)
    pitch: int = option(50, "how high espeak talks", ge=0, le=99)
    endpoint_rate: int = option(24_000, "samples a second of the endpoint's PCM", ge=8_000, le=48_000)
    connect_timeout_ms: int = option(3_000, "longest wait for a connection, TLS included", ge=1, le=60_000)
    first_audio_timeout_ms: int = option(
        5_000, "longest wait from a sentence to its first audio", ge=1, le=60_000
    )
    total_timeout_ms: int = option(30_000, "longest wait from a sentence to its end", ge=1, le=300_000)
    max_processes: int = option(4, "espeak-ng processes at a time; further sentences wait", ge=1, le=256)


class Engine(Protocol):
    """Makes the sound. rate: samples a second of what it makes."""

    name: str
    rate: int

    def synthesise(self, words: str, voice: str) -> AsyncGenerator[bytes, None]:
        """Mono s16le in pieces of any length; raises VoiceFailed. voice: as the engine knows it; empty for
        the usual one. Closing the generator stops it."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...


class SentenceVoice:
    """Says one written sentence after the other with an engine; any number of them at the same time."""

    def __init__(self, engine: Engine, options: VoiceOptions) -> None:
        self.name = engine.name
        self._engine = engine
        self._options = options

    async def speak(
        self, text: str, rate: int, language: str, voice: str = ""
    ) -> AsyncGenerator[bytes, None]:
        """`text` as mono s16le at `rate`, in whole samples, as it is made; raises VoiceFailed. language: of
        the user, in which the reply is taken to be unless an option says otherwise; empty stands for English.
        voice: as the engine knows it; empty for the usual one.

        Closing the generator, or cancelling the task that waits for audio, stops the engine. Hold it in
        `contextlib.aclosing`.
        """
        words = spoken(text, self._options.language or language or "en")
        if not words:
            return
        now = asyncio.get_running_loop().time()
        end = now + self._options.total_timeout_ms / 1000
        deadline = min(now + self._options.first_audio_timeout_ms / 1000, end)
        stream = _PcmStream(self._engine.rate, rate)
        async with aclosing(self._engine.synthesise(words, voice)) as pieces:
            while (piece := await _next(pieces, deadline)) is not None:
                deadline = end
                if pcm := stream.push(piece):
                    yield pcm
        if pcm := stream.flush():
            yield pcm

    async def close(self) -> None:
        """Gives the engine's connections back."""
        await self._engine.close()


async def _next(pieces: AsyncGenerator[bytes, None], deadline: float) -> bytes | None:
    """The next piece; None at the end."""
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(pieces, None)
    except TimeoutError:
        raise VoiceFailed("the voice was too slow to begin or to end a sentence") from None


class _PcmStream:
    """Pieces of any length at the engine's rate to whole samples at the client's.

    soxr in place of core/resample.py: synthesis runs ahead of its playback, so that a backlog costs nothing,
    and the ratio of espeak's 22,050 Hz to anything would take a filter of hundreds of phases.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._resampler = None if rate_in == rate_out else _resampler(rate_in, rate_out)
        self._max_bytes = int(MAX_SENTENCE_S * rate_in) * 2
        self._taken = 0
        self._half = b""  # the first byte of a sample that came in two pieces

    def push(self, piece: bytes) -> bytes:
        """The samples that `piece` completes. Raises VoiceFailed when a sentence does not end."""
        self._taken += len(piece)
        if self._taken > self._max_bytes:
            raise VoiceFailed(f"one sentence was over {MAX_SENTENCE_S:g} s of audio")
        data = self._half + piece
        whole = len(data) - len(data) % 2
        self._half = data[whole:]
        return self._resampled(data[:whole], last=False)

    def flush(self) -> bytes:
        """What the resampler still holds."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        if self._resampler is None:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2")
        return bytes(self._resampler.resample_chunk(samples, last=last).astype("<i2").tobytes())


def _resampler(rate_in: int, rate_out: int) -> Any:
    import soxr

    return soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16")
