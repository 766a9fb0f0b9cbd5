"""One real worker process at a time; what a pool makes of several is in test_pool.py."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.observing import START_S, children, until
from tests.speech import job, pcm, said, single_utterances, word_error_rate
from voicegw.asr.pipe import Done, Setup
from voicegw.asr.process import WorkerProcess
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper_loader import spec_of
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.jobs import encode_jobs, text_of
from voicegw.errors import ModelUnavailable, WorkerFailed

OPTIONS = WhisperOptions(model=BUNDLED)
SETUP = Setup(spec_of(locate(BUNDLED), OPTIONS))
START_MS = int(1000 * START_S)


async def test_warms_up_answers_and_is_gone() -> None:
    sample = single_utterances()[0]
    async with WorkerProcess.running({}) as process:
        layout = await process.warm_up(SETUP, START_MS)
        answer = await process.ask(encode_jobs([job(pcm(sample))]), START_MS)
    assert layout.single_ms > 0
    assert (layout.threads, layout.at_once) == (1, 1)
    assert isinstance(answer, Done)
    assert word_error_rate(said(sample), text_of(answer.results[0].words)) <= 0.5
    assert not children()


async def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    async with WorkerProcess.running({}) as process:
        with pytest.raises(ModelUnavailable, match=str(tmp_path)):
            await process.warm_up(Setup(spec_of(tmp_path, OPTIONS)), START_MS)


async def test_a_process_that_hangs_or_dies_has_failed() -> None:
    async with WorkerProcess.running({}) as process:
        [pid] = children()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(WorkerFailed, match="within 50 ms"):
            await process.ask(b"anything", timeout_ms=50)
        os.kill(pid, signal.SIGKILL)
        await process.death()
        with pytest.raises(WorkerFailed, match="died"):
            await process.ask(b"anything", START_MS)
    await until(lambda: not children())


async def test_several_requests_at_a_time_get_their_own_answers() -> None:
    samples = single_utterances()[:4]
    async with WorkerProcess.running({}) as process:
        layout = await process.warm_up(Setup(spec_of(locate(BUNDLED), OPTIONS), cores=2), START_MS)
        requests = [
            process.ask(encode_jobs([job(pcm(sample), number)]), START_MS)
            for number, sample in enumerate(samples)
        ]
        answers = await asyncio.gather(*requests)
    assert layout.at_once == 2
    for number, (sample, answer) in enumerate(zip(samples, answers, strict=True)):
        assert isinstance(answer, Done)
        [result] = answer.results
        assert result.number == number
        assert word_error_rate(said(sample), text_of(result.words)) <= 0.5


async def test_all_requests_fail_when_the_process_dies() -> None:
    async with WorkerProcess.running({}) as process:
        asked = [asyncio.create_task(process.ask(b"anything", START_MS)) for _ in range(2)]
        await asyncio.sleep(0)
        process.kill()
        for answer in asked:
            with pytest.raises(WorkerFailed, match="died"):
                await answer
