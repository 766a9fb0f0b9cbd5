"""Jobs that omit the audio which a worker keeps, over a real Redis."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from tests.cluster.harness import (
    FINAL,
    PARTIAL,
    FakePool,
    Gateway,
    Worker,
    failed,
    gateway,
    job,
    only_shard,
    worker,
)
from tests.observing import until
from voicegw.cluster.jobs import recognition_worker
from voicegw.cluster.jobs.job_messages import WorkerStatus, decode_submission, unpacked
from voicegw.cluster.jobs.kept_audio import AudioCache
from voicegw.core.jobs import DecodeJob
from voicegw.errors import RecognitionFailed

STEP = 8_000  # bytes of a quarter of a second


def window(steps: int, number: int = 0, session: str = "s") -> DecodeJob:
    pcm = b"".join(bytes([step % 256]) * STEP for step in range(steps))
    return job(number or steps, PARTIAL, session, pcm)


def audio(asking: Gateway, way: str) -> float:
    return asking.value("cluster_job_audio_bytes_total", way=way) or 0.0


def sent_again(asking: Gateway, reason: str) -> float:
    return asking.value("cluster_jobs_sent_whole_again_total", reason=reason) or 0.0


async def test_each_sample_is_sent_once_and_every_window_is_whole(redis_url: str) -> None:
    pools = [FakePool(), FakePool()]
    async with gateway(redis_url) as asking, worker(redis_url, pools[0]), worker(redis_url, pools[1]):
        await until(lambda: asking.value("cluster_workers") == 2)
        for steps in range(1, 21):
            await asking.decode(window(steps))
        assert 0 < audio(asking, "sent") < STEP  # as samples it would be 20 steps
        assert audio(asking, "kept") == sum(range(20)) * STEP
    [busy] = [pool for pool in pools if pool.asked]
    assert [each.pcm for each in busy.asked] == [window(steps).pcm for steps in range(1, 21)]


async def test_a_worker_of_an_earlier_version_gets_samples(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition_worker, "WorkerStatus", lambda *fields, unpacks: WorkerStatus(*fields))
    async with gateway(redis_url) as asking, worker(redis_url) as working:
        await until(lambda: asking.value("cluster_workers") == 1)
        for steps in range(1, 4):
            await asking.decode(window(steps))
        assert (audio(asking, "sent"), audio(asking, "kept")) == (3 * STEP, 3 * STEP)
    assert [each.pcm for each in working.pool.asked] == [window(steps).pcm for steps in range(1, 4)]


async def test_how_much_is_kept_is_told_and_it_is_dropped_in_the_end(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(redis_url) as asking, worker(redis_url) as working:
        await asking.decode(window(3))
        await until(lambda: working.value("cluster_audio_kept_bytes") == 3 * STEP)
        monkeypatch.setattr("voicegw.cluster.jobs.kept_audio.KEPT_S", 0.1)
        await until(lambda: working.value("cluster_audio_kept_bytes") == 0)


async def test_a_worker_that_keeps_nothing_gets_whole_windows(redis_url: str) -> None:
    async with gateway(redis_url) as asking, worker(redis_url, kept_audio_mb=0):
        for steps in range(1, 4):
            await asking.decode(window(steps))
        assert (audio(asking, "sent"), audio(asking, "kept")) == (6 * STEP, 0)


async def started(stack: AsyncExitStack, url: str, **options: int) -> tuple[Gateway, Worker, Worker]:
    """A gateway, the worker that keeps the audio of its session, and another."""
    asking = await stack.enter_async_context(gateway(url))
    first = await stack.enter_async_context(worker(url, FakePool(capacity=1), **options))
    await asking.decode(window(1))
    other = await stack.enter_async_context(worker(url, FakePool(capacity=1), **options))
    await until(lambda: asking.value("cluster_workers") == 2)
    return asking, first, other


async def test_what_a_worker_has_lost_is_sent_again(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        asking, first, other = await started(stack, redis_url)
        first._audio = AudioCache(1 << 20)
        assert (await asking.decode(window(2))).number == 2
        assert sent_again(asking, "incomplete") == 1
        [done] = [*first.pool.asked[1:], *other.pool.asked]
        assert done.pcm == window(2).pcm


async def test_a_worker_without_room_is_not_waited_for(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        asking, first, other = await started(stack, redis_url)
        other.pool.capacity = 0
        first.pool.may_answer.clear()
        stuck = asking.ask(job(1, FINAL, "another session"))
        await until(lambda: len(first.pool.asked) == 2)
        other.pool.capacity = 1
        assert (await asking.decode(window(2))).number == 2
        assert sent_again(asking, "late") == 1
        assert other.pool.asked[0].pcm == window(2).pcm
        first.pool.may_answer.set()
        await stuck


async def test_a_worker_that_is_lost_with_its_jobs(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        asking, first, other = await started(stack, redis_url, lease_ms=300)
        first.pool.may_answer.clear()
        held = asking.ask(window(2))
        await until(lambda: len(first.pool.asked) == 2)
        for feed in first._worker._feeds.values():
            feed.leases.cancel()  # as one that was killed, it renews nothing
        assert (await held).number == 2
        assert other.pool.asked[0].pcm == window(2).pcm
        assert sent_again(asking, "late") == 1
        first.pool.may_answer.set()
        await until(lambda: first.value("cluster_late_answers_total") == 1)


async def test_a_stream_that_is_gone_means_the_whole_window(redis_url: str, client: Redis) -> None:
    async with AsyncExitStack() as stack:
        asking, first, _ = await started(stack, redis_url)
        first.leave()
        await until(lambda: not first._worker.held)
        await client.delete(only_shard().partials_of(first.name))
        assert (await asking.decode(window(2))).number == 2


async def test_a_dead_job_is_kept_whole_and_packed(redis_url: str, client: Redis) -> None:
    async with AsyncExitStack() as stack:
        asking, first, other = await started(stack, redis_url)
        first.pool.fault = other.pool.fault = failed("odd")
        with pytest.raises(RecognitionFailed, match="odd"):
            await asking.decode(window(2))
        [(_, fields)] = cast(Any, await client.xrange(only_shard().dead_jobs))
        kept = decode_submission(fields[b"job"])
        assert kept.packed
        assert unpacked(kept).job.pcm == window(2).pcm
        assert audio(asking, "kept") == STEP


async def test_streams_of_a_worker_that_was_lost_expire(redis_url: str, client: Redis) -> None:
    async with worker(redis_url) as working:
        for stream in (only_shard().finals_of(working.name), only_shard().partials_of(working.name)):
            assert 0 < await client.pttl(stream) <= 60_000


async def test_many_sessions_on_many_workers(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        asking = await stack.enter_async_context(gateway(redis_url, shards=3))
        working = [await stack.enter_async_context(worker(redis_url)) for _ in range(3)]
        await until(lambda: asking.value("workers_ready") == 3)

        async def speak(session: str) -> None:
            for steps in range(1, 16):
                await asking.decode(window(steps, session=session))

        await asyncio.gather(*(speak(f"s{number}") for number in range(12)))
        for one in working:
            for each in one.pool.asked:
                assert each.pcm == window(each.number).pcm
        assert audio(asking, "kept") > audio(asking, "sent")
