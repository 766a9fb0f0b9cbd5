"""Files are decoded in a process of their own, which ends with its request."""

import asyncio
import io
import wave
from contextlib import aclosing

import pytest

from tests.asr.test_recording_process import FORMATS, encoded
from tests.observing import PATIENCE_S, children, until
from voicegw.asr.recording_decoder import ProcessRecordingDecoder, RecordingOptions
from voicegw.errors import InvalidRecording, RecordingTooLong

WAV = encoded(*FORMATS["wav"])


async def decoded(recording: bytes, **options: int) -> bytes:
    patient = {"stall_ms": int(1000 * PATIENCE_S), **options}
    pieces = ProcessRecordingDecoder(RecordingOptions(**patient)).decode(recording)
    return b"".join([piece async for piece in pieces])


async def test_the_audio_comes_in_whole_samples() -> None:
    audio = await decoded(WAV)
    assert len(audio) == pytest.approx(2 * 2 * 16_000, abs=3_200)
    assert len(audio) % 2 == 0


async def test_what_is_no_recording() -> None:
    with pytest.raises(InvalidRecording, match="supported format"):
        await decoded(b"hello" * 100_000)


async def test_a_recording_that_is_too_long() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, 8_000, 0, "NONE", ""))
        output.writeframes(bytes(2 * 8_000 * 61))
    with pytest.raises(RecordingTooLong, match="longer than 1 min"):
        await decoded(file.getvalue(), max_minutes=1)


async def test_a_process_that_gets_no_memory_costs_its_request_only() -> None:
    with pytest.raises(InvalidRecording):
        await decoded(WAV, max_memory_mb=16)


async def test_who_leaves_early_leaves_no_process() -> None:
    before = children()
    decoder = ProcessRecordingDecoder(RecordingOptions())
    async with aclosing(decoder.decode(WAV)) as pieces:
        await anext(pieces)
        assert children() - before
    assert not children() - before


async def test_a_cancelled_request_leaves_no_process() -> None:
    before = children()
    decoding = asyncio.create_task(decoded(WAV))
    await until(lambda: children() - before)
    decoding.cancel()
    await asyncio.gather(decoding, return_exceptions=True)
    assert not children() - before
