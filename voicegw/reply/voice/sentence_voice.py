"""Speech for one sentence at a time, with any engine: the sentence in spoken form (spoken_text.py), its audio
within the time limits and at the sample rate of the client."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from voicegw.core.options import option
from voicegw.errors import VoiceFailed
from voicegw.reply.voice.spoken_text import spoken_form

MAX_SENTENCE_S = 60.0  # of audio: a sentence has at most 240 characters, so more is a fault of the engine


class VoiceEngine(StrEnum):
    """The engine that makes the audio."""

    AUTO = "auto"
    PIPER = "piper"
    ESPEAK = "espeak"
    OPENAI = "openai"
    NONE = "none"


@dataclass(frozen=True)
class VoiceOptions:
    """The voice of replies, for clients that request audio."""

    engine: VoiceEngine = option(
        VoiceEngine.AUTO,
        "piper: a neural voice on this machine, with the extra `voice`; espeak: espeak-ng, on this machine; "
        "openai: an OpenAI-compatible /audio/speech endpoint; none; auto: piper where the extra is "
        "installed, otherwise espeak where espeak-ng is",
    )
    url: str | None = option(None, "base URL of the endpoint; OpenAI's by default")
    model: str | None = option(
        None,
        "name of the endpoint's model (default: gpt-4o-mini-tts), or path of a Piper model, an .onnx file "
        "(default: en_US-joe-medium, of the extra `voice`)",
    )
    api_key: str | None = option(None, "API key of the endpoint; without one, none is sent", secret=True)
    name: str | None = option(
        None, "the engine's name of the voice or the speaker (default: en-us for espeak, alloy for openai)"
    )
    language: str | None = option(
        None, "ISO 639-1 code of the replies, for units and numbers; by default the user's language"
    )
    speed: float = option(
        1.0, "speech rate; 1 is the voice's own, of espeak 175 words a minute", ge=0.5, le=2
    )
    endpoint_rate: int = option(24_000, "samples a second of the endpoint's PCM", ge=8_000, le=48_000)
    connect_timeout_ms: int = option(3_000, "longest wait for a connection, TLS included", ge=1, le=60_000)
    first_audio_timeout_ms: int = option(
        5_000, "longest wait from a sentence's request to its first audio", ge=1, le=60_000
    )
    total_timeout_ms: int = option(
        30_000, "longest wait from a sentence's request to the end of its audio", ge=1, le=300_000
    )
    max_processes: int = option(4, "espeak-ng processes at a time; further sentences wait", ge=1, le=256)
    threads: int = option(
        1, "threads of piper, each for one sentence at a time; further ones wait", ge=1, le=64
    )
    max_waiting: int = option(
        32, "sentences that may wait for a thread of piper; further ones fail", ge=1, le=1024
    )


class Engine(Protocol):
    """Makes the audio. rate: its sample rate, in Hz."""

    name: str
    rate: int

    def synthesise(self, words: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:
        """Mono s16le in pieces of any length; raises VoiceFailed. voice: the engine's name of it; empty for
        the default. speed: times that of the options. Closing the generator stops the synthesis."""
        ...

    async def close(self) -> None:
        """Closes the connections."""
        ...


class SentenceVoice:
    """Speaks written sentences with an engine; any number of them concurrently."""

    def __init__(self, engine: Engine, options: VoiceOptions) -> None:
        self.name = engine.name
        self._engine = engine
        self._options = options
        _soxr(engine.rate, 2 * engine.rate)  # the first import would delay all sessions

    async def speak(
        self, text: str, rate: int, language: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """`text` as mono s16le at `rate` Hz, in whole samples, piece by piece; raises VoiceFailed. language:
        of the user, which is taken for that of the reply unless an option sets another; empty stands for
        English. voice, speed: as of Engine.

        Closing the generator, or cancelling the task that waits for audio, stops the engine. Use
        `contextlib.aclosing`.
        """
        words = spoken_form(text, self._options.language or language or "en")
        if not words:
            return
        now = asyncio.get_running_loop().time()
        end = now + self._options.total_timeout_ms / 1000
        deadline = min(now + self._options.first_audio_timeout_ms / 1000, end)
        resampler, silent = _Resampler(self._engine.rate, rate), True
        async with aclosing(self._engine.synthesise(words, voice, speed)) as pieces:
            while (piece := await _next(pieces, deadline)) is not None:
                deadline = end
                if pcm := resampler.push(piece):
                    silent = False
                    yield pcm
        if pcm := resampler.flush():
            yield pcm
        elif silent and any(map(str.isalnum, words)):  # an engine may say nothing for "..."
            raise VoiceFailed("the voice returned no audio")

    async def close(self) -> None:
        """Closes the engine."""
        await self._engine.close()


async def _next(pieces: AsyncGenerator[bytes, None], deadline: float) -> bytes | None:
    """The next piece; None at the end."""
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(pieces, None)
    except TimeoutError:
        raise VoiceFailed("the voice took too long for a sentence") from None


class _Resampler:
    """Converts pieces of any length at the engine's rate into whole samples at the client's rate.

    It uses soxr and not core/resample.py: synthesis is faster than playback, so the delay of soxr does not
    matter, and a polyphase filter for the 22,050 Hz of espeak would need hundreds of phases.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._soxr = None if rate_in == rate_out else _soxr(rate_in, rate_out)
        self._max_bytes = int(MAX_SENTENCE_S * rate_in) * 2
        self._bytes_in = 0
        self._partial = b""  # the first byte of a sample that is split over two pieces

    def push(self, piece: bytes) -> bytes:
        """The samples that `piece` completes. Raises VoiceFailed when the sentence is too long."""
        self._bytes_in += len(piece)
        if self._bytes_in > self._max_bytes:
            raise VoiceFailed(f"one sentence was over {MAX_SENTENCE_S:g} s of audio")
        data = self._partial + piece
        whole = len(data) - len(data) % 2
        self._partial = data[whole:]
        return self._resampled(data[:whole], last=False)

    def flush(self) -> bytes:
        """The samples that the resampler still holds."""
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        if self._soxr is None:
            return pcm
        samples = np.frombuffer(pcm, dtype="<i2")
        return bytes(self._soxr.resample_chunk(samples, last=last).astype("<i2").tobytes())


def _soxr(rate_in: int, rate_out: int) -> Any:
    import soxr

    return soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16")
