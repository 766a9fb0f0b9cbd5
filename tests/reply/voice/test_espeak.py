"""The real espeak-ng. Where it is not installed these tests fail; see scripts/system-packages."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.observing import PATIENCE_S, children, until
from voicegw import errors
from voicegw.core.audio import Pcm
from voicegw.reply.voice import espeak
from voicegw.reply.voice.espeak import PROGRAM, EspeakEngine, installed
from voicegw.reply.voice.sentence_voice import SentenceVoice, VoiceOptions


@pytest.fixture(autouse=True)
def espeak_is_installed() -> None:
    assert installed(), f"{PROGRAM} is not installed; scripts/system-packages names what the tests need"


def voice(**changed: Any) -> SentenceVoice:
    options = VoiceOptions(**changed)
    return SentenceVoice(EspeakEngine(options), options)


async def audio(speaker: SentenceVoice, text: str, rate: int = 16_000) -> Pcm:
    async with aclosing(speaker.speak(text, rate, "en")) as pieces:
        return np.frombuffer(b"".join([piece async for piece in pieces]), dtype="<i2")


async def say(text: str, rate: int = 16_000, **changed: Any) -> Pcm:
    return await audio(voice(**changed), text, rate)


def command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
async def test_a_sentence_has_audio_at_every_rate(rate: int) -> None:
    said = await say("Hello there, how are you today?", rate)
    assert 1.0 < len(said) / rate < 4.0
    assert np.abs(said).max() > 5_000


async def test_figures_are_spoken_as_words() -> None:
    figures, words = await say("It costs $5."), await say("It costs five dollars.")
    assert len(figures) == len(words)
    assert np.corrcoef(figures, words)[0, 1] > 0.99


async def test_the_speed_changes_the_audio() -> None:
    slow, fast = await say("Good morning to you.", speed=0.7), await say("Good morning to you.", speed=1.6)
    assert len(slow) > 1.5 * len(fast)


async def test_one_sentence_may_be_faster() -> None:
    async def length(speed: float) -> int:
        async with aclosing(voice().speak("Good morning to you.", 16_000, "en", "", speed)) as pieces:
            return sum([len(piece) async for piece in pieces])

    assert await length(0.7) > 1.5 * await length(1.6)


async def test_empty_text_starts_no_process() -> None:
    assert len(await say("***")) == 0


async def test_the_text_is_not_in_the_arguments_of_the_process() -> None:
    async with aclosing(voice().speak("A secret. " * 20, 16_000, "en")) as pieces:
        await anext(pieces)
        commands = b" ".join(map(command, children()))
    assert PROGRAM.encode() in commands
    assert b"secret" not in commands


async def test_closing_kills_the_process() -> None:
    """Otherwise it would wait for ever, with a full pipe."""
    before = children()
    async with aclosing(voice().speak("This would take a while to say. " * 50, 16_000, "en")) as pieces:
        await anext(pieces)
        assert children() - before
    assert children() == before


async def test_cancelling_kills_the_process() -> None:
    before = children()
    task = asyncio.create_task(say("This would take a while to say. " * 50))
    await until(lambda: children() - before)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert children() == before


async def test_a_process_that_dies_is_a_failure() -> None:
    before = children()
    async with aclosing(voice().speak("This would take a while to say. " * 50, 16_000, "en")) as pieces:
        await anext(pieces)
        [process] = children() - before
        os.kill(process, signal.SIGKILL)
        with pytest.raises(errors.VoiceFailed):
            await asyncio.wait_for(_rest(pieces), PATIENCE_S)


async def _rest(pieces: AsyncGenerator[bytes, None]) -> None:
    async for _ in pieces:
        pass


async def test_sentences_wait_for_a_free_process() -> None:
    speaker, before = voice(max_processes=1), children()
    async with aclosing(speaker.speak("This is a first sentence. " * 50, 16_000, "en")) as first:
        await anext(first)
        second = asyncio.create_task(audio(speaker, "Second."))
        await asyncio.sleep(0.05)
        assert len(children() - before) == 1
    assert len(await second) > 0


def test_an_unknown_voice_stops_the_start() -> None:
    with pytest.raises(errors.StartupError, match="'xyzzy'"):
        EspeakEngine(VoiceOptions(name="xyzzy"))


def test_without_the_program_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "PROGRAM", "espeak-not-there")
    assert not installed()
    with pytest.raises(errors.StartupError, match=r"not installed.*--voice-engine"):
        EspeakEngine(VoiceOptions())
