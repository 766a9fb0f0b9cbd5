"""An engine that the package does not know, in real worker processes."""

import os

import pytest

from tests.asr import toy_engine
from tests.asr.toy_engine import ToyOptions
from tests.observing import PATIENCE_S, START_S, children
from tests.speech import job
from voicegw.asr.engine import EngineSpec, ReadyEngine
from voicegw.asr.pipe import Setup
from voicegw.asr.pool import PoolOptions, WorkerPool
from voicegw.asr.process import WorkerProcess
from voicegw.core.jobs import DecodeResult
from voicegw.errors import ModelUnavailable, RecognitionFailed
from voicegw.telemetry import Metrics

START_MS = int(1000 * START_S)


def texts(result: DecodeResult) -> list[str]:
    return [word.text for word in result.words]


async def test_is_named_by_its_path_and_runs_in_worker_processes() -> None:
    source = ReadyEngine(toy_engine.spec(ToyOptions("steps")), {"TOY": "told"})
    pool = WorkerPool(source, PoolOptions(processes=2, workers=2), Metrics(), cores=2)
    try:
        await pool.start()
        assert len(children()) == 2
        heard = texts(await pool.decode(job(bytes(3200), number=7)))
    finally:
        await pool.close()
    assert heard[:3] == ["1600", "steps", "1"]
    assert int(heard[3]) != os.getpid()
    assert heard[4] == "told"
    assert not children()


async def test_its_windows_are_decoded_in_batches_as_large_as_it_says() -> None:
    async with WorkerProcess.running({}) as process:
        layout = await process.warm_up(Setup(toy_engine.spec(max_batch=4), cores=1), START_MS)
    assert layout.batch in (1, 2, 4)
    assert (layout.threads, layout.at_once) == (1, 1)


async def test_one_that_forgets_a_window_fails_its_job_only() -> None:
    source = ReadyEngine(toy_engine.spec(ToyOptions(forgets=True)))
    pool = WorkerPool(
        source, PoolOptions(workers=1, job_timeout_ms=int(1000 * PATIENCE_S)), Metrics(), cores=1
    )
    try:
        await pool.start()
        for number in (7, 8):
            with pytest.raises(RecognitionFailed, match="failed on this audio"):
                await pool.decode(job(bytes(3200), number=number))
        assert pool.ready
    finally:
        await pool.close()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (toy_engine.spec(ToyOptions(broken=True)), "the toy is broken"),
        (EngineSpec("tests.asr.toy_engine:no_such_loader"), "no_such_loader"),
        (EngineSpec("no_such_package.engine:load"), "no_such_package"),
        (EngineSpec("not a path"), "not a path"),
    ],
)
async def test_one_that_cannot_be_loaded_stops_the_start_and_is_named(spec: EngineSpec, reason: str) -> None:
    pool = WorkerPool(ReadyEngine(spec), PoolOptions(workers=1), Metrics(), cores=1)
    with pytest.raises(ModelUnavailable, match=reason):
        await pool.start()
    assert not children()
