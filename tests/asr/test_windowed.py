"""From a session's request to what the session is told, by way of a scripted recogniser."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.gateway.fakes import ScriptedRecognizer
from tests.observing import until
from voicegw.asr.windowed import WindowedBackend
from voicegw.core.jobs import DecodeFailure, DecodeJob, DecodeKind, DecodeResult, Shed, Superseded, text_of
from voicegw.core.session import SessionOptions
from voicegw.errors import RecognitionFailed

JOB = DecodeJob("s", 7, DecodeKind.PARTIAL, 0, bytes(320))


async def told_by(recognizer: ScriptedRecognizer, *jobs: DecodeJob) -> list[Any]:
    """What the session is told once the tasks of these requests are over."""
    tasks: list[asyncio.Task[None]] = []
    told: list[Any] = []

    def spawn(work: Coroutine[Any, Any, None], name: str) -> None:
        tasks.append(asyncio.create_task(work, name=name))

    executor = WindowedBackend(recognizer, SessionOptions()).new_executor(spawn, told.append)
    for job in jobs:
        executor.execute(job)
    await asyncio.gather(*tasks)
    return told


async def test_a_result_reaches_the_session() -> None:
    [result] = await told_by(ScriptedRecognizer(text="hello"), JOB)
    assert isinstance(result, DecodeResult)
    assert (result.number, text_of(result.words)) == (7, "hello")


@pytest.mark.parametrize("failure", [RecognitionFailed(), Superseded(), Shed()])
async def test_so_does_that_there_is_none(failure: Exception) -> None:
    assert await told_by(ScriptedRecognizer(failures=[failure]), JOB) == [DecodeFailure(7)]


async def test_the_requests_of_a_recording_are_background_jobs() -> None:
    recognizer = ScriptedRecognizer()
    backend = WindowedBackend(recognizer, SessionOptions())
    tasks: list[asyncio.Task[None]] = []
    executor = backend.new_executor(
        lambda work, name: tasks.append(asyncio.create_task(work)), lambda answer: None, background=True
    )
    executor.execute(JOB)
    await asyncio.gather(*tasks)
    assert [job.background for job in recognizer.jobs] == [True]
    assert recognizer.jobs[0].lane is DecodeKind.PARTIAL


async def test_one_request_does_not_wait_for_another() -> None:
    recognizer = ScriptedRecognizer()
    recognizer.gate.clear()
    asking = asyncio.create_task(told_by(recognizer, JOB, JOB))
    await until(lambda: len(recognizer.jobs) == 2)
    recognizer.gate.set()
    assert len(await asking) == 2


def test_a_transcription_is_made_with_the_options_of_sessions() -> None:
    backend = WindowedBackend(ScriptedRecognizer(), SessionOptions())
    transcription = backend.new_transcription("s", "de")
    assert (transcription.idle, transcription.kept_audio(0).pcm) == (True, b"")
    assert transcription.snapshot() != backend.new_transcription("s", "en").snapshot()
