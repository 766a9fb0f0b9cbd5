"""The real Piper voice of the extra `voice`, heard by the real Whisper base."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.speech import job, word_error_rate
from voicegw.asr.whisper import WhisperEngine
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE, AudioFormat, InputDecoder
from voicegw.core.jobs import text_of
from voicegw.errors import ModelUnavailable, StartupError, VoiceFailed
from voicegw.reply.voice.piper import PiperEngine, _pieces
from voicegw.reply.voice.sentence_voice import SentenceVoice, VoiceOptions

SHORT = "Your appointment is on Tuesday at half past nine."
LONG = (
    "The weather tomorrow will be mostly sunny with light winds from the west; in the evening some clouds "
    "may come in, but it should stay dry until the early hours of the next day."
)


@pytest.fixture(scope="module")
def engine() -> PiperEngine:
    """One loaded model for all tests of this module. Its threads end with the process."""
    return PiperEngine(VoiceOptions(max_waiting=2))


@pytest.fixture(scope="module")
def whisper(whisper_base: Path) -> WhisperEngine:
    return WhisperEngine(whisper_base, WhisperOptions(model="base"))


async def say(engine: PiperEngine, text: str, rate: int = SAMPLE_RATE) -> bytes:
    patient = VoiceOptions(first_audio_timeout_ms=60_000, total_timeout_ms=60_000)
    async with aclosing(SentenceVoice(engine, patient).speak(text, rate, "en")) as pieces:
        return b"".join([piece async for piece in pieces])


def heard(whisper: WhisperEngine, audio: bytes, rate: int) -> str:
    pcm = InputDecoder(AudioFormat.PCM, rate).decode(audio).tobytes()
    [result] = whisper.decode([job(pcm)])
    return text_of(result.words)


@pytest.mark.parametrize("rate", [8_000, 24_000])
async def test_its_words_are_understood_at_every_rate(
    rate: int, engine: PiperEngine, whisper: WhisperEngine
) -> None:
    text = heard(whisper, await say(engine, LONG, rate), rate)
    assert word_error_rate(LONG, text) <= 0.15, text  # up to 0.06, as the voice varies


async def test_calls_at_once_have_their_own_audio(engine: PiperEngine, whisper: WhisperEngine) -> None:
    texts = (SHORT, "Please turn on the light in the kitchen.")
    for text, audio in zip(texts, await asyncio.gather(*[say(engine, text) for text in texts]), strict=True):
        assert word_error_rate(text, heard(whisper, audio, SAMPLE_RATE)) <= 0.2


async def test_speed_changes_the_duration(engine: PiperEngine) -> None:
    fast = PiperEngine(VoiceOptions(speed=2))
    assert 1.5 < len(await say(engine, SHORT)) / len(await say(fast, SHORT)) < 2.5
    await fast.close()


async def test_sentences_over_the_limit_fail_at_once(engine: PiperEngine) -> None:
    sentences = [asyncio.create_task(say(engine, SHORT)) for _ in range(5)]
    for beyond in sentences[3:]:
        with pytest.raises(VoiceFailed, match="too many"):
            await beyond
    assert all(await asyncio.gather(*sentences[:3]))


async def test_an_interrupted_sentence_leaves_the_queue(engine: PiperEngine) -> None:
    sentences = [asyncio.create_task(say(engine, LONG)) for _ in range(3)]
    await asyncio.sleep(0)
    for sentence in sentences:
        sentence.cancel()
    await asyncio.gather(*sentences, return_exceptions=True)
    assert len(await asyncio.gather(*[say(engine, "Yes.") for _ in range(3)])) == 3


async def test_an_unknown_speaker_fails_the_sentence_only(engine: PiperEngine) -> None:
    with pytest.raises(VoiceFailed, match="speaker 'anna'"):
        async for _ in engine.synthesise("Hello.", "anna"):
            pass
    assert b"".join([audio async for audio in engine.synthesise("Hello.", "0")])


def test_an_unknown_speaker_stops_the_start() -> None:
    with pytest.raises(StartupError, match="--voice-name"):
        PiperEngine(VoiceOptions(name="en-gb"))


def test_a_damaged_model_stops_the_start(tmp_path: Path) -> None:
    for name in ("voice.onnx", "voice.onnx.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ModelUnavailable, match="not a Piper voice"):
        PiperEngine(VoiceOptions(model=str(tmp_path / "voice.onnx")))


async def test_the_text_is_not_logged(engine: PiperEngine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        await say(engine, "A secret.")
    assert "secret" not in caplog.text


def test_a_long_sentence_is_cut_behind_clauses_only() -> None:
    assert list(_pieces(SHORT)) == [SHORT]
    assert " ".join(_pieces(LONG)) == LONG
    assert [piece[-1] for piece in _pieces(LONG)] == [";", ",", "."]
    assert list(_pieces("Yes, " + LONG)) == ["Yes, " + next(_pieces(LONG)), *list(_pieces(LONG))[1:]]
