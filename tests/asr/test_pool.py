"""The pool over real worker processes, which are stopped and killed as the system would do it.

A worker that is to be lost in the middle of a job is stopped first, so that it surely has the job and
surely has not answered.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import structlog

from tests.observing import PATIENCE_S, START_S, children, is_running, until
from tests.speech import SAMPLE_BYTES, job, long_window, pcm, said, single_utterances, word_error_rate
from voicegw.asr.pool import PoolOptions, WorkerPool
from voicegw.asr.weights import BUNDLED
from voicegw.asr.whisper_loader import WhisperSource
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Shed, Superseded, text_of
from voicegw.errors import ModelUnavailable, RecognitionFailed, WorkerFailed
from voicegw.telemetry import Metrics

START_MS = int(1000 * START_S)
SAMPLE = single_utterances()[0]
SPEECH = pcm(SAMPLE)
SILENCE = bytes(SAMPLE_BYTES * SAMPLE_RATE)


class Pool(WorkerPool):
    """One bundled worker unless the options say otherwise, and what it counts."""

    def __init__(self, directory: Path | None = None, **options: int) -> None:
        self.metrics = Metrics()
        model = WhisperSource(WhisperOptions(model=str(directory or BUNDLED)))
        super().__init__(
            model,
            PoolOptions(**{"workers": 1, "start_timeout_ms": START_MS, **options}),
            self.metrics,
            cores=2,
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"voicegw_{name}", labels)


@asynccontextmanager
async def started(**options: int) -> AsyncIterator[Pool]:
    """A warm pool; when the block is left, no process may be left either."""
    before = children()
    pool = Pool(None, **options)
    async with asyncio.timeout(START_S):
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()
    assert children() == before


def only_child() -> int:
    [pid] = children()
    return pid


def ask(pool: Pool, wanted: DecodeJob) -> "asyncio.Task[DecodeResult]":
    return asyncio.create_task(pool.decode(wanted))


async def stop_with(pool: Pool, wanted: DecodeJob) -> "tuple[int, asyncio.Task[DecodeResult]]":
    """Stops the worker and hands it the job; its process id, and the answer that waits."""
    pid = only_child()
    os.kill(pid, signal.SIGSTOP)
    asked = ask(pool, wanted)
    await asyncio.sleep(0)
    await until(lambda: pool.value("decode_queue") == 0)
    return pid, asked


def assert_heard(result: DecodeResult) -> None:
    assert word_error_rate(said(SAMPLE), text_of(result.words)) <= 0.5


async def test_is_ready_once_warm_and_leaves_nothing() -> None:
    before, pool = children(), Pool()
    assert pool.unready() == "the speech model is not loaded yet"
    await pool.start()
    assert pool.ready
    assert len(children() - before) == pool.value("workers_ready") == 1
    await pool.close()
    assert not pool.ready
    assert children() == before


async def test_recognizes_and_says_how_long_it_took() -> None:
    async with started() as pool:
        result = await pool.decode(job(SPEECH, number=5))
    assert_heard(result)
    assert (result.session, result.number) == ("s", 5)
    assert result.queue_ms >= 0
    assert result.decode_ms > 0
    assert pool.value("decode_seconds_sum", kind="final") == pytest.approx(result.decode_ms / 1000)
    assert pool.value("decode_window_seconds_sum", kind="final") == pytest.approx(
        len(SPEECH) / 32_000, abs=0.001
    )
    assert (pool.value("decode_real_time_factor_sum", kind="final") or 0) > 0
    assert pool.value("decode_batch_jobs_count") == pool.value("decode_batch_jobs_sum") == 1


@pytest.mark.parametrize(
    ("options", "workers", "processes"),
    [({"workers": 0}, 2, 1), ({"workers": 1}, 1, 1), ({"workers": 3, "processes": 2}, 4, 2)],
)
async def test_workers_are_spread_over_processes(
    options: dict[str, int], workers: int, processes: int
) -> None:
    before = children()
    async with started(slow_decode_ms=60_000, **options) as pool:
        assert len(children() - before) == processes
        assert pool.value("workers_ready") == pool.warm == workers
        assert pool.capacity >= workers


async def test_the_workers_of_a_process_decode_at_the_same_time() -> None:
    async with started(workers=2) as pool:
        pid = only_child()
        os.kill(pid, signal.SIGSTOP)
        lengths = (2, 8)  # that are in no batch together
        asked = [ask(pool, job(long_window(seconds), session=str(seconds))) for seconds in lengths]
        await until(lambda: pool.value("decode_queue") == 0)
        os.kill(pid, signal.SIGCONT)
        assert all(answer.words for answer in await asyncio.gather(*asked))


async def test_a_job_that_hangs_costs_no_attempt_of_the_others() -> None:
    async with started(workers=2, max_attempts=2, decode_timeout_ms=4_000) as pool:
        pid = only_child()
        os.kill(pid, signal.SIGSTOP)
        hanging = ask(pool, job(long_window(2), session="first"))
        await until(lambda: pool.value("decode_queue") == 0)
        await asyncio.sleep(1)  # so that the second is out when the first one's time is over
        other = ask(pool, job(long_window(8), session="second"))
        assert (await hanging).words
        assert (await other).words
    assert pool.value("worker_restarts_total") == 1
    assert pool.value("decode_failures_total") == 0


async def test_a_worker_killed_while_idle_is_replaced() -> None:
    async with started() as pool:
        pid = only_child()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not pool.ready)
        await until(lambda: pool.ready)
        assert only_child() != pid
        assert pool.value("worker_restarts_total") == 1
        assert_heard(await pool.decode(job(SPEECH)))


async def test_an_unexpected_error_is_logged_and_costs_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault of this program")

    async with started() as pool:
        with monkeypatch.context() as faulty, structlog.testing.capture_logs() as records:
            faulty.setattr(Metrics, "observe_decode", fail)
            asked = ask(pool, job(SPEECH))
            await until(lambda: pool.value("worker_restarts_total") == 1)
        asked.cancel()
        await until(lambda: pool.ready)
        assert_heard(await pool.decode(job(SPEECH)))
    assert [(record["reason"], record["exc_info"]) for record in records] == [
        ("a fault of this program", True)
    ]


async def test_a_job_lost_with_its_worker_is_done_again() -> None:
    async with started() as pool:
        pid, asked = await stop_with(pool, job(SPEECH))
        os.kill(pid, signal.SIGKILL)
        assert_heard(await asked)
    assert pool.value("worker_restarts_total") == 1
    assert pool.value("decode_failures_total") == 0


async def test_a_process_with_several_workers_costs_its_jobs_one_attempt() -> None:
    async with started(workers=3, max_attempts=2) as pool:
        pid, first = await stop_with(pool, job(SPEECH, session="first"))
        os.kill(pid, signal.SIGKILL)
        second = ask(pool, job(SPEECH, session="second"))
        assert_heard(await first)
        assert_heard(await second)
    assert pool.value("decode_failures_total") == 0


async def test_a_worker_that_hangs_is_replaced() -> None:
    async with started(decode_timeout_ms=4_000) as pool:
        pid, asked = await stop_with(pool, job(SPEECH))
        assert_heard(await asked)
        assert not is_running(pid)
    assert pool.value("worker_restarts_total") == 1


async def test_a_job_that_costs_one_worker_after_another_is_given_up() -> None:
    async with started(max_attempts=9, decode_timeout_ms=1) as pool:
        with pytest.raises(RecognitionFailed, match="repeatedly"):
            await pool.decode(job(SPEECH))
        assert pool.value("decode_failures_total") == 1
        await until(lambda: pool.value("worker_restarts_total") == 2)


async def test_a_worker_that_dies_while_loading_again_is_not_the_jobs_doing() -> None:
    async with started(max_attempts=2) as pool:
        pid, asked = await stop_with(pool, job(SPEECH))
        os.kill(pid, signal.SIGKILL)
        await until(lambda: children() - {pid})
        os.kill(only_child(), signal.SIGKILL)
        await until(lambda: pool.value("worker_restarts_total") == 2)
        assert_heard(await asked)


async def test_audio_that_cannot_be_decoded_costs_its_job_only() -> None:
    async with started() as pool:
        with pytest.raises(RecognitionFailed):
            await pool.decode(job(b"\0\0\0"))
        assert_heard(await pool.decode(job(SPEECH)))
    assert pool.value("worker_restarts_total") == 0


async def test_finals_go_before_partials_that_waited_longer() -> None:
    async with started() as pool:
        pid, first = await stop_with(pool, job(SILENCE, session="busy"))
        order: list[str] = []
        asked = [first]
        for session, kind in (("a", DecodeKind.PARTIAL), ("b", DecodeKind.PARTIAL), ("c", DecodeKind.FINAL)):
            asked.append(ask(pool, job(SILENCE, session=session, kind=kind)))
            asked[-1].add_done_callback(lambda _, session=session: order.append(session))  # type: ignore[misc]
        await until(lambda: pool.value("decode_queue") == 3)
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*asked)
    assert order == ["c", "a", "b"]


async def test_a_recording_that_waits_is_no_lag() -> None:
    async with started() as pool:
        pid, first = await stop_with(pool, job(SILENCE, session="busy"))
        recording = ask(pool, msgspec.structs.replace(job(SILENCE, session="file"), background=True))
        await until(lambda: pool.value("decode_queue") == 1)
        assert pool.value("decode_queue_oldest_seconds") == 0
        speaking = ask(pool, job(SILENCE, session="speaker"))
        await until(lambda: pool.value("decode_queue") == 2)
        assert (pool.value("decode_queue_oldest_seconds") or 0) > 0
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(first, recording, speaking)


async def test_a_partial_whose_session_has_moved_on_is_not_decoded() -> None:
    async with started() as pool:
        pid, first = await stop_with(pool, job(SILENCE, session="busy"))
        older = ask(pool, job(SILENCE, number=1, kind=DecodeKind.PARTIAL))
        await until(lambda: pool.value("decode_queue") == 1)
        newer = ask(pool, job(SPEECH, number=2))
        with pytest.raises(Superseded):
            await older
        os.kill(pid, signal.SIGCONT)
        assert_heard(await newer)
        await first


async def test_a_caller_that_leaves_takes_its_job_along() -> None:
    async with started() as pool:
        pid, first = await stop_with(pool, job(SILENCE, session="busy"))
        waiting = ask(pool, job(SPEECH))
        await until(lambda: pool.value("decode_queue") == 1)
        for task in (waiting, first):
            task.cancel()
        await asyncio.gather(waiting, first, return_exceptions=True)
        assert pool.value("decode_queue") == pool.value("decode_queue") == 0
        os.kill(pid, signal.SIGCONT)
        assert_heard(await pool.decode(job(SPEECH, number=2)))


async def test_a_job_is_given_up_in_time() -> None:
    async with started(job_timeout_ms=100) as pool:
        pid, first = await stop_with(pool, job(SILENCE, session="busy"))
        with pytest.raises(RecognitionFailed, match="in time"):
            await pool.decode(job(SPEECH))
        assert pool.value("decode_queue") == 0
        os.kill(pid, signal.SIGCONT)
        await asyncio.gather(first, return_exceptions=True)


async def test_closing_gives_up_what_is_out() -> None:
    async with started() as pool:
        _, decoding = await stop_with(pool, job(SILENCE, session="busy"))
        queued = ask(pool, job(SPEECH))
        await until(lambda: pool.value("decode_queue") == 1)
        await pool.close()
        for asked in (decoding, queued):
            with pytest.raises(RecognitionFailed, match="shutting down"):
                await asyncio.wait_for(asked, PATIENCE_S)


async def test_a_directory_without_a_model_stops_the_start(tmp_path: Path) -> None:
    pool = Pool(directory=tmp_path, processes=2)
    with pytest.raises(ModelUnavailable, match="cannot load the speech model"):
        await pool.start()
    assert not children()
    assert not pool.ready


async def test_a_worker_that_is_too_slow_stops_the_start() -> None:
    with pytest.raises(
        WorkerFailed, match=r"did not load the speech model \(pool.start_timeout_ms\) within 1 ms"
    ):
        await Pool(start_timeout_ms=1).start()
    assert not children()


async def test_a_worker_that_dies_while_loading_stops_the_start() -> None:
    starting = asyncio.create_task(Pool().start())
    await until(children)
    os.kill(only_child(), signal.SIGKILL)
    with pytest.raises(WorkerFailed, match="died"):
        await starting
    assert not children()


async def test_many_long_windows_at_once() -> None:
    audio = long_window(20)
    async with started(workers=2) as pool:
        jobs = [job(audio, number, session=f"s{number}") for number in range(1, 7)]
        results = await asyncio.gather(*map(pool.decode, jobs))
    assert [result.number for result in results] == [1, 2, 3, 4, 5, 6]
    assert len({result.words for result in results}) == 1


ORPHAN = """
import asyncio
from tests.asr.test_pool import Pool
from voicegw.log_configuration import configure_logging
async def main():
    configure_logging("warning", as_json=False)
    await Pool(None, processes=2).start()
    print("warm", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_workers_leave_when_their_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        assert await asyncio.wait_for(parent.stdout.readline(), START_S) == b"warm\n"
        workers = children(parent.pid)
        assert len(workers) == 2
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not any(map(is_running, workers)))


async def test_a_pool_that_is_behind_sheds_partials_and_does_finals() -> None:
    async with started(shed_wait_ms=20, overload_wait_ms=20) as pool:
        partials = [
            job(long_window(8 + 4 * number), number, session=f"s{number}", kind=DecodeKind.PARTIAL)
            for number in range(4)  # of lengths that do not go into one batch
        ]
        waiting = [asyncio.create_task(pool.decode(each)) for each in partials]
        await until(pool.overloaded)
        with pytest.raises(Shed):
            await pool.decode(job(SPEECH, kind=DecodeKind.PARTIAL))
        assert pool.value("partials_shed_total") == 1
        assert (pool.value("partial_wait_seconds") or 0) > 0
        assert_heard(await pool.decode(job(SPEECH)))
        await asyncio.gather(*waiting)
        await until(lambda: not pool.overloaded())  # nothing waits any more, so the mean fades
        assert await pool.decode(job(SILENCE, kind=DecodeKind.PARTIAL))


async def test_a_pool_whose_workers_stand_still_is_overloaded_before_they_go_on() -> None:
    async with started(overload_wait_ms=200) as pool:
        pid, stuck = await stop_with(pool, job(SPEECH, session="a", kind=DecodeKind.PARTIAL))
        waiting = ask(pool, job(SPEECH, session="b", kind=DecodeKind.PARTIAL))
        await until(pool.overloaded)
        os.kill(pid, signal.SIGCONT)
        assert_heard(await stuck)
        assert_heard(await waiting)
