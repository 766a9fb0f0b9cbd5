"""A worker over a real Redis, with a pool that does as it is told."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.cluster.harness import (
    FINAL,
    PARTIAL,
    FakePool,
    Gateway,
    failed,
    gateway,
    job,
    lost_worker,
    monitor,
    only_shard,
    redis_options,
    worker,
)
from tests.observing import until
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.job_messages import Submission
from voicegw.cluster.jobs.producer import JobProducer
from voicegw.errors import ConfigurationError, RecognitionFailed

FINALS = "{voicegw:work}:finals"
DEAD = "{voicegw:work}:dead"


def consumers(server: RedisServer) -> str:
    return server.command("xinfo", "consumers", FINALS, "workers").strip()


def waiting(asking: Gateway) -> tuple[float | None, float | None]:
    """How many finals and partials no worker has."""
    return tuple(asking.value("cluster_waiting_jobs", stream=name) for name in ("finals", "partials"))  # type: ignore[return-value]


async def test_what_is_done_leaves_nothing_behind(redis_server: RedisServer) -> None:
    async with gateway(redis_server.url) as asking, worker(redis_server.url):
        await asyncio.gather(*[asking.decode(job(n, session=f"s{n}")) for n in range(30)])
        assert redis_server.command("xlen", FINALS).strip() == "0"
    assert consumers(redis_server) == ""
    assert "workers" not in redis_server.command("keys", "*:work*:workers")


async def test_takes_finals_first_and_no_more_than_it_can_do(redis_url: str) -> None:
    pool = FakePool(capacity=1)
    async with gateway(redis_url) as asking:
        asked = [asking.ask(job(1, PARTIAL, "partial"))]
        asked += [asking.ask(job(1, session=f"final {n}")) for n in range(3)]
        await until(lambda: waiting(asking) == (3, 1))
        pool.may_answer.clear()
        async with worker(redis_url, pool):
            await until(lambda: waiting(asking) == (2, 1))
            assert [each.kind for each in pool.asked] == [FINAL]
            pool.may_answer.set()
            await asyncio.gather(*asked)


async def test_two_workers_share_the_work(redis_url: str) -> None:
    pools = [FakePool(capacity=1), FakePool(capacity=1)]
    async with gateway(redis_url) as asking, worker(redis_url, pools[0]), worker(redis_url, pools[1]):
        for pool in pools:
            pool.may_answer.clear()
        asked = [asking.ask(job(1, session=f"s{n}")) for n in range(2)]
        await until(lambda: all(len(pool.asked) == 1 for pool in pools))
        for pool in pools:
            pool.may_answer.set()
        await asyncio.gather(*asked)


async def test_the_job_of_a_lost_worker_is_done_by_another(redis_url: str) -> None:
    async with gateway(redis_url) as asking, lost_worker(redis_url) as lost:
        asked = [asking.ask(job(1, session="a")), asking.ask(job(1, PARTIAL, "b"))]
        await until(lambda: waiting(asking) == (1, 1))
        assert len(await lost.reader.read(9)) == 2
        async with worker(redis_url, lease_ms=100) as other:
            await asyncio.gather(*asked)
            assert other.value("cluster_claimed_jobs_total") == 2


async def test_many_jobs_of_a_lost_worker_are_all_claimed(redis_url: str) -> None:
    async with gateway(redis_url) as asking, lost_worker(redis_url) as lost:
        asked = [asking.ask(job(1, session=f"s{n}")) for n in range(150)]
        await until(lambda: waiting(asking) == (150, 0))
        assert len(await lost.reader.read(150)) == 150
        async with worker(redis_url, FakePool(capacity=10), lease_ms=50) as other:
            await asyncio.gather(*asked)
            assert other.value("cluster_claimed_jobs_total") == 150


async def test_what_is_being_done_is_not_claimed(redis_url: str) -> None:
    slow, idle = FakePool(), FakePool()
    async with gateway(redis_url) as asking, worker(redis_url, slow, lease_ms=100):
        slow.may_answer.clear()
        asked = asking.ask(job())
        await until(lambda: slow.asked)
        # A lease that is longer than a machine under load stands still, and many renewals of the other one.
        async with worker(redis_url, idle, lease_ms=1_500):
            await asyncio.sleep(2)
            assert not idle.asked
        slow.may_answer.set()
        await asked


async def test_a_worker_without_a_process_lets_others_do_its_jobs(redis_url: str) -> None:
    broken, sound = FakePool(), FakePool()
    async with gateway(redis_url) as asking, worker(redis_url, broken, lease_ms=500) as first:
        broken.may_answer.clear()
        asked = asking.ask(job())
        await until(lambda: broken.asked)
        broken.capacity = 0
        async with worker(redis_url, sound, lease_ms=1000):
            await asked
        broken.may_answer.set()
        await until(lambda: first.value("cluster_late_answers_total") == 1)


async def test_a_job_that_every_worker_is_lost_with_is_given_up(redis_server: RedisServer) -> None:
    pool = FakePool()
    async with gateway(redis_server.url) as asking, lost_worker(redis_server.url) as lost:
        asked = asking.ask(job())
        assert len(await lost.reader.read(1)) == 1
        await lost.reader.claim(0, 1)
        async with worker(redis_server.url, pool, lease_ms=50, max_deliveries=2):
            with pytest.raises(RecognitionFailed, match="every worker"):
                await asked
    assert not pool.asked
    assert redis_server.command("xlen", DEAD).strip() == "1"
    assert "every worker" in redis_server.command("xrange", DEAD, "-", "+")
    assert redis_server.command("xlen", FINALS).strip() == "0"


async def test_audio_that_cannot_be_decoded_is_kept_for_a_look(redis_server: RedisServer) -> None:
    pool = FakePool()
    pool.fault = failed("the recogniser failed on this audio")
    async with gateway(redis_server.url) as asking, worker(redis_server.url, pool) as other:
        with pytest.raises(RecognitionFailed, match="failed on this audio"):
            await asking.decode(job())
        assert other.value("cluster_dead_jobs_total") == 1
    assert redis_server.command("xlen", DEAD).strip() == "1"


async def test_a_fault_of_ours_costs_its_job_only(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url) as asking, worker(redis_url, pool):
        pool.fault = ZeroDivisionError()
        with pytest.raises(RecognitionFailed, match="a fault in the worker"):
            await asking.decode(job())
        pool.fault = None
        assert await asking.decode(job(2))


async def test_what_is_no_job_is_put_aside(redis_server: RedisServer) -> None:
    redis_server.command("xadd", FINALS, "*", "job", "nonsense")
    async with gateway(redis_server.url) as asking, worker(redis_server.url):
        assert await asking.decode(job())
    assert "not a submission" in redis_server.command("xrange", DEAD, "-", "+")


async def test_a_job_that_comes_twice_is_done_once(redis_server: RedisServer) -> None:
    pool = FakePool()
    pool.may_answer.clear()
    async with AsyncExitStack() as stack:
        asking = JobProducer(redis_options(redis_server.url), only_shard(), "g", monitor())
        stack.push_async_callback(asking.close)
        await stack.enter_async_context(worker(redis_server.url, pool))
        for _ in range(2):
            await asking.submit(Submission("g", 1, job()))
        await until(lambda: redis_server.command("xpending", FINALS, "workers").startswith("2"))
        pool.may_answer.set()
        assert {answer.request for answer in await asking.read_answers()} == {1}
        await until(lambda: redis_server.command("xlen", FINALS).strip() == "0")
    assert len(pool.asked) == 1


async def test_what_redis_forgot_while_it_was_done_is_answered_when_asked_again(
    redis_server: RedisServer,
) -> None:
    pool = FakePool()
    async with gateway(redis_server.url) as asking, worker(redis_server.url, pool):
        pool.may_answer.clear()
        asked = asking.ask(job())
        await until(lambda: pool.asked)
        redis_server.command("flushall")
        await until(lambda: asking.value("cluster_jobs_asked_again_total") == 1)
        await until(lambda: redis_server.command("xpending", FINALS, "workers").startswith("1"))
        pool.may_answer.set()
        assert await asked
    assert len(pool.asked) == 1


async def test_jobs_of_a_gateway_that_is_gone_are_not_done(redis_server: RedisServer) -> None:
    pool = FakePool()
    redis_server.command("hset", "{voicegw:work}:gateways", "gone", "1000 ")
    redis_server.command("hset", "{voicegw:work}:gateways", "gone", f"{_now_ms(redis_server) - 11_000} ")
    async with worker(redis_server.url, pool) as working:
        asking = JobProducer(redis_options(redis_server.url), only_shard(), "gone", monitor())
        await asking.submit(Submission("gone", 1, job()))
        await until(lambda: working.value("cluster_dropped_jobs_total") == 1)
        await asking.close()
    assert not pool.asked


def _now_ms(server: RedisServer) -> int:
    return int(server.command("time").split()[0]) * 1000


async def test_leaving_finishes_what_is_held(redis_server: RedisServer) -> None:
    pool = FakePool()
    async with gateway(redis_server.url) as asking:
        async with worker(redis_server.url, pool) as leaving:
            pool.may_answer.clear()
            held = asking.ask(job(1))
            await until(lambda: pool.asked)
            leaving.leave()
            assert leaving.unready == "this worker is leaving"
            await asyncio.sleep(1)  # in which its last read ends
            later = asking.ask(job(2))
            pool.may_answer.set()
            assert await held
        assert len(pool.asked) == 1
        assert consumers(redis_server) == ""
        async with worker(redis_server.url):
            assert await later


async def test_leaving_hands_back_what_takes_too_long(redis_server: RedisServer) -> None:
    pool = FakePool()
    async with AsyncExitStack() as stack:
        asking = await stack.enter_async_context(gateway(redis_server.url))
        hasty = worker(redis_server.url, pool, drain_timeout_ms=0, lease_ms=60_000)
        leaving = await stack.enter_async_context(hasty)
        pool.may_answer.clear()
        held = asking.ask(job(1))
        await until(lambda: pool.asked)
        other = await stack.enter_async_context(worker(redis_server.url, lease_ms=1000))
        leaving.leave()
        assert await held
        assert other.value("cluster_claimed_jobs_total") == 1
    assert consumers(redis_server) == ""


async def test_tells_what_to_scale_by(redis_url: str) -> None:
    pool = FakePool(capacity=1)
    async with gateway(redis_url) as asking, worker(redis_url, pool) as working:
        pool.may_answer.clear()
        asked = [asking.ask(job(1, PARTIAL, f"s{n}")) for n in range(4)]
        await until(lambda: waiting(asking) == (0, 3))
        assert asking.value("cluster_held_jobs", stream="partials") == 1
        await until(lambda: (asking.value("cluster_oldest_waiting_seconds", stream="partials") or 0) > 0.2)
        pool.busy_s += 60.0
        await until(lambda: working.value("cluster_busy_share") == 1)
        await until(lambda: asking.value("cluster_group_busy_share") == 1)
        pool.may_answer.set()
        await asyncio.gather(*asked)


async def test_a_redis_that_refuses_the_password_ends_it(redis_server: RedisServer) -> None:
    redis_server.command("config", "set", "requirepass", "secret")
    with pytest.raises(ConfigurationError, match="password"):
        async with worker(redis_server.url):
            pass


async def test_a_redis_that_is_too_old_ends_it(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicegw.cluster.jobs.worker_shards._OLDEST_REDIS", 99)
    with pytest.raises(ConfigurationError, match=r"Redis 99.0 or newer is needed, not \d+\.\d+"):
        async with worker(redis_url):
            pass
