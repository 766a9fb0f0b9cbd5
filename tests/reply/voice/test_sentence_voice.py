"""A sentence with any engine: its spoken form, its time limits and its sample rate."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from voicegw.errors import VoiceFailed
from voicegw.reply.voice.sentence_voice import SentenceVoice, VoiceOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

RATE = 24_000


@dataclass
class ScriptedEngine:
    """Yields `pieces`, and then hangs if `hangs` is set."""

    pieces: list[bytes] = field(default_factory=list)
    hangs: bool = False
    asked: list[str] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    stopped: bool = False
    closed: bool = False
    name: str = "scripted"
    rate: int = RATE

    async def synthesise(self, words: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:
        self.asked.append(words)
        self.voices.append(voice)
        try:
            for piece in self.pieces:
                yield piece
            if self.hangs:
                await asyncio.Event().wait()
        finally:
            self.stopped = True

    async def close(self) -> None:
        self.closed = True


async def say(
    engine: ScriptedEngine, text: str = "Hello.", rate: int = RATE, user: str = "en", **changed: Any
) -> list[bytes]:
    """user: the language of the user."""
    voice = SentenceVoice(engine, VoiceOptions(**changed))
    async with aclosing(voice.speak(text, rate, user)) as pieces:
        return [pcm async for pcm in pieces]


@pytest.mark.parametrize(
    ("user", "language", "words"),
    [
        ("en", None, "five kilometers"),
        ("", None, "five kilometers"),
        ("de", None, "5 Kilometer"),
        ("en", "de", "5 Kilometer"),
        ("nn", "en", "five kilometers"),
        ("de", "und", "5 km"),
    ],
)
async def test_a_sentence_is_spoken_in_its_language(user: str, language: str | None, words: str) -> None:
    engine = ScriptedEngine([b"\x01\x02"])
    await say(engine, "5 km", user=user, language=language)
    assert engine.asked == [words]


async def test_empty_text_is_not_synthesised() -> None:
    engine = ScriptedEngine()
    assert await say(engine, "***") == []
    assert engine.asked == []


@pytest.mark.parametrize("pieces", [[], [b""], [b"\x01"]])
@pytest.mark.parametrize("rate", [RATE, 16_000])
async def test_words_without_audio_are_a_failure(pieces: list[bytes], rate: int) -> None:
    with pytest.raises(VoiceFailed, match="returned no audio"):
        await say(ScriptedEngine(pieces), "Number 5.", rate=rate)


async def test_what_has_no_words_may_be_silent() -> None:
    assert await say(ScriptedEngine(), "...") == []


async def test_samples_that_are_split_over_pieces_are_whole() -> None:
    engine = ScriptedEngine([b"\x01", b"\x02\x03", b"\x04\x05\x06", b"\x07"])
    assert await say(engine) == [b"\x01\x02", b"\x03\x04\x05\x06"]


async def test_the_audio_has_the_requested_rate() -> None:
    tone = (np.sin(np.arange(RATE) * 440 * 2 * np.pi / RATE) * 20_000).astype("<i2").tobytes()
    engine = ScriptedEngine([tone[begin : begin + 4801] for begin in range(0, len(tone), 4801)])
    pcm = np.frombuffer(b"".join(await say(engine, rate=16_000)), dtype="<i2")
    spectrum = np.abs(np.fft.rfft(pcm[:16_000]))
    assert len(pcm) == pytest.approx(16_000, abs=16)
    assert int(spectrum.argmax()) == 440  # a second: one bin for each hertz


@pytest.mark.parametrize(
    ("pieces", "limits"),
    [
        ([], {"first_audio_timeout_ms": 1}),
        ([], {"total_timeout_ms": 1}),
        ([b"\x01\x02"], {"total_timeout_ms": 1}),
    ],
)
async def test_an_engine_that_is_too_slow_is_stopped(pieces: list[bytes], limits: dict[str, Any]) -> None:
    engine = ScriptedEngine(pieces, hangs=True)
    with pytest.raises(VoiceFailed, match="took too long"):
        await say(engine, **limits)
    assert engine.stopped


async def test_the_first_limit_applies_only_to_the_first_audio() -> None:
    engine = ScriptedEngine([b"\x01\x02"], hangs=True)
    voice = SentenceVoice(engine, VoiceOptions(first_audio_timeout_ms=1, total_timeout_ms=60_000))
    async with aclosing(voice.speak("Hello.", RATE, "en")) as pieces:
        assert await anext(pieces) == b"\x01\x02"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pieces), 0.05)
    assert engine.stopped


async def test_endless_audio_is_a_failure() -> None:
    engine = ScriptedEngine([bytes(RATE * 2)] * 61)
    with pytest.raises(VoiceFailed, match="over 60 s"):
        await say(engine)
    assert engine.stopped


async def test_closing_the_audio_stops_the_engine_and_close_closes_it() -> None:
    engine = ScriptedEngine([b"\x01\x02"] * 2)
    voice = SentenceVoice(engine, VoiceOptions())
    async with aclosing(voice.speak("Hello.", RATE, "en")) as pieces:
        await anext(pieces)
    assert engine.stopped
    await voice.close()
    assert engine.closed
