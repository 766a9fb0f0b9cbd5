"""A gateway's recogniser over a real Redis, with workers in this process that do as they are told."""

import asyncio

import msgspec
import pytest

from tests.cluster.harness import (
    FINAL,
    PARTIAL,
    FakePool,
    failed,
    gateway,
    job,
    lose_a_cancel,
    lost_worker,
    worker,
)
from tests.observing import PATIENCE_S, until
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.job_messages import Answer, Outcome, decode_submission
from voicegw.cluster.jobs.open_requests import Request
from voicegw.cluster.jobs.producer import JobProducer, Place
from voicegw.core.jobs import Shed, Superseded, text_of
from voicegw.errors import ConfigurationError, RecognitionFailed


async def test_asks_a_worker_and_says_how_long_it_took(redis_url: str) -> None:
    pool = FakePool()
    pool.decode_ms = 0.1  # less than the way there and back
    async with gateway(redis_url) as asking, worker(redis_url, pool):
        result = await asking.decode(job(7))
    assert (result.session, result.number, text_of(result.words)) == ("s", 7, "s")
    assert result.decode_ms == 0.1
    assert result.queue_ms > 0
    assert asking.value("decode_seconds_sum", kind="final") == pytest.approx(0.0001)


async def test_every_session_gets_its_own_answer(redis_url: str) -> None:
    async with gateway(redis_url) as one, gateway(redis_url) as other, worker(redis_url), worker(redis_url):
        asked = [(each, f"s{n}") for n in range(20) for each in (one, other)]
        results = await asyncio.gather(*[each.decode(job(session=name)) for each, name in asked])
    assert [text_of(result.words) for result in results] == [name for _, name in asked]
    assert [result.session for result in results] == [name for _, name in asked]


async def test_is_ready_when_a_worker_is_there_and_not_when_it_has_left(redis_url: str) -> None:
    async with gateway(redis_url) as asking:
        assert asking.unready() in ("Redis has not answered yet", "no recognition worker is warm yet")
        async with worker(redis_url):
            await until(lambda: asking.ready)
            assert asking.value("workers_ready") == asking.value("cluster_workers") == 1
        await until(lambda: asking.unready() == "no recognition worker is warm yet")


async def test_an_answer_without_words_has_a_reason(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url) as asking, worker(redis_url, pool):
        for fault, kind in ((Superseded(), Superseded), (Shed(), Shed), (failed("odd"), RecognitionFailed)):
            pool.fault = fault
            with pytest.raises(kind):
                await asking.decode(job())
        assert asking.value("decode_failures_total") == asking.value("partials_shed_total") == 1


async def test_a_final_that_an_urgent_one_replaces_is_taken_out_of_the_line(redis_url: str) -> None:
    async with gateway(redis_url) as asking:
        older = asking.ask(job(1, FINAL))
        await until(lambda: asking.value("cluster_waiting_jobs", stream="finals") == 1)
        newer = asking.ask(msgspec.structs.replace(job(2, FINAL), urgent=True))
        with pytest.raises(Superseded):
            await older
        async with worker(redis_url) as working:
            assert (await newer).number == 2
            assert [each.number for each in working.pool.asked] == [2]


async def test_a_partial_whose_session_has_moved_on_is_taken_out_of_the_line(redis_url: str) -> None:
    async with gateway(redis_url) as asking, lost_worker(redis_url) as lost:
        older = asking.ask(job(1, PARTIAL))
        await until(lambda: asking.value("decode_queue") == 1)
        assert (asking.value("decode_queue_oldest_seconds") or 0) > 0
        assert (asking.value("cluster_redis_lag_seconds") or 0) > 0
        newer = asking.ask(job(2, FINAL))
        with pytest.raises(Superseded):
            await older
        [entry] = await lost.reader.read(9)
        assert decode_submission(entry.payload).job.number == 2
        newer.cancel()


async def test_a_recording_that_waits_is_no_lag(redis_url: str) -> None:
    async with gateway(redis_url) as asking:
        recording = asking.ask(msgspec.structs.replace(job(1, FINAL), background=True))
        await until(lambda: asking.value("decode_queue") == 1)
        assert asking.value("decode_queue_oldest_seconds") == 0
        recording.cancel()


async def test_a_partial_that_is_being_decoded_is_not_disturbed(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url) as asking, worker(redis_url, pool):
        pool.may_answer.clear()
        older = asking.ask(job(1, PARTIAL))
        await until(lambda: pool.asked)
        newer = asking.ask(job(2, FINAL))
        await until(lambda: len(pool.asked) == 2)
        pool.may_answer.set()
        assert [result.number for result in await asyncio.gather(older, newer)] == [1, 2]


async def test_a_caller_that_leaves_takes_its_job_along(redis_url: str) -> None:
    async with gateway(redis_url) as asking, lost_worker(redis_url) as lost:
        waiting = asking.ask(job())
        await until(lambda: asking.value("cluster_waiting_jobs", stream="finals") == 1)
        waiting.cancel()
        await until(lambda: asking.value("cluster_waiting_jobs", stream="finals") == 0)
        assert await lost.reader.read(9) == []
        assert asking.value("decode_queue") == 0


async def test_a_caller_that_leaves_while_its_job_is_on_its_way_holds_nothing_up(
    redis_server: RedisServer,
) -> None:
    async with gateway(redis_server.url) as asking, worker(redis_server.url, FakePool()):
        await asking.decode(job())
        redis_server.pause()
        waiting = asking.ask(job(2))
        await until(lambda: asking.value("decode_queue") == 1)
        waiting.cancel()
        await asyncio.wait((waiting,))
        assert asking.value("decode_queue") == 0
        redis_server.resume()
        assert (await asking.decode(job(3))).number == 3


async def test_a_cancellation_that_redis_py_lost_ends_the_wait_all_the_same(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(shard: JobProducer, _: Request) -> Place:
        await lose_a_cancel()
        return Place(shard, "stream", "1-1")

    async with gateway(redis_url, job_timeout_ms=200) as asking:
        monkeypatch.setattr(asking._delivery, "_add", deaf)
        with pytest.raises(RecognitionFailed, match="in time"):
            await asyncio.wait_for(asking.decode(job(1)), PATIENCE_S)
    async with gateway(redis_url) as asking:
        monkeypatch.setattr(asking._delivery, "_add", deaf)
        waiting = asking.ask(job(2))
        await until(lambda: asking.value("decode_queue") == 1)
        waiting.cancel()
        await asyncio.wait((waiting,), timeout=PATIENCE_S)
        assert waiting.cancelled()


async def test_a_job_is_given_up_in_time(redis_server: RedisServer) -> None:
    url = redis_server.url
    async with gateway(url, job_timeout_ms=300) as asking, lost_worker(url) as lost:
        with pytest.raises(RecognitionFailed, match="in time"):
            await asking.decode(job())
        assert asking.value("decode_failures_total") == 1
        await until(lambda: redis_server.command("xlen", "{voicegw:work}:finals").strip() == "0")
        assert await lost.reader.read(9) == []


async def test_closing_gives_up_what_is_out_and_leaves_nothing(redis_server: RedisServer) -> None:
    async with gateway(redis_server.url) as asking:
        waiting = asking.ask(job())
        await until(lambda: asking.value("decode_queue") == 1)
        await asyncio.sleep(0.05)
    with pytest.raises(RecognitionFailed, match="shutting down"):
        await waiting
    assert redis_server.command("xlen", "{voicegw:work}:finals").strip() == "0"
    assert "results" not in redis_server.command("keys", "*")


async def test_an_answer_that_comes_twice_or_too_late_is_ignored(redis_url: str) -> None:
    async with gateway(redis_url) as asking, lost_worker(redis_url) as lost:
        waiting = asking.ask(job())
        [entry] = await lost.reader.read(1)
        submission = decode_submission(entry.payload)
        answer = Answer(submission.request, Outcome.FAILED, reason="first")
        assert await lost.publish(entry, submission.gateway, answer)
        with pytest.raises(RecognitionFailed, match="first"):
            await waiting
        assert not await lost.publish(entry, submission.gateway, answer)
        second = asking.ask(job())
        [entry] = await lost.reader.read(1)
        await lost.publish(entry, submission.gateway, answer)
        await until(lambda: asking.value("cluster_late_answers_total") == 1)
        second.cancel()


async def test_behind_it_sheds_partials_and_lets_nobody_in(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url, overload_wait_ms=1, shed_wait_ms=1) as asking, worker(redis_url, pool):
        pool.may_answer.clear()
        waiting = asking.ask(job(1, PARTIAL))
        await until(lambda: pool.asked)
        await asyncio.sleep(0.05)
        pool.may_answer.set()
        await waiting
        assert asking.overloaded()
        with pytest.raises(Shed):
            await asking.decode(job(2, PARTIAL))
        assert await asking.decode(job(3, FINAL))


async def test_partials_that_have_no_turn_count_before_one_is_answered(redis_url: str) -> None:
    pool = FakePool(capacity=1)
    async with gateway(redis_url, overload_wait_ms=200, shed_wait_ms=400) as asking, worker(redis_url, pool):
        pool.may_answer.clear()
        waiting = [asking.ask(job(n, PARTIAL, session=f"s{n}")) for n in range(3)]
        await until(asking.overloaded)
        await asyncio.sleep(0.2)
        with pytest.raises(Shed):
            await asking.decode(job(4, PARTIAL))
        pool.may_answer.set()
        await asyncio.gather(*waiting)


async def test_so_do_those_that_workers_refuse(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url, overload_wait_ms=50) as asking, worker(redis_url, pool):
        pool.may_answer.clear()
        waiting = asking.ask(job(1, PARTIAL))
        await asyncio.sleep(0.2)
        pool.fault = Shed()
        pool.may_answer.set()
        with pytest.raises(Shed):
            await waiting
        assert asking.overloaded()


async def test_and_those_that_redis_does_not_take(redis_server: RedisServer) -> None:
    async with gateway(redis_server.url, overload_wait_ms=200) as asking, worker(redis_server.url):
        await until(lambda: asking.ready)
        redis_server.pause()
        waiting = asking.ask(job(1, PARTIAL))
        await until(asking.overloaded)
        redis_server.resume()
        await waiting
        await until(lambda: not asking.overloaded())


async def test_a_decode_that_hangs_is_nobody_elses_wait(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url, overload_wait_ms=1_000) as asking, worker(redis_url, pool):
        pool.held = "stuck"
        pool.may_answer.clear()
        stuck = asking.ask(job(1, PARTIAL, session="stuck"))
        await until(lambda: pool.asked)
        await asking.decode(job(1, PARTIAL))
        await asyncio.sleep(1.2)
        assert not asking.overloaded()
        pool.may_answer.set()
        await stuck


async def test_the_time_that_a_decode_takes_is_no_wait(redis_url: str) -> None:
    pool = FakePool()
    async with gateway(redis_url, overload_wait_ms=1_000) as asking, worker(redis_url, pool):
        pool.decode_ms = 60_000.0
        await asking.decode(job(1, PARTIAL))
        pool.may_answer.clear()
        slow = asking.ask(job(2, PARTIAL))
        await asyncio.sleep(1.2)
        assert not asking.overloaded()
        pool.may_answer.set()
        await slow


async def test_what_redis_forgets_is_asked_again(redis_server: RedisServer) -> None:
    pool = FakePool()
    async with gateway(redis_server.url) as asking, worker(redis_server.url, pool):
        pool.may_answer.clear()
        held = asking.ask(job(1))
        await until(lambda: pool.asked)
        redis_server.restart()
        waiting = asking.ask(job(2))
        pool.may_answer.set()
        assert [result.number for result in await asyncio.gather(held, waiting)] == [1, 2]
        assert asking.value("cluster_redis_errors_total", error="ConnectionError")
        await until(lambda: asking.ready)


async def test_what_redis_loses_unnoticed_is_asked_again(redis_server: RedisServer) -> None:
    async with gateway(redis_server.url) as asking:
        waiting = asking.ask(job())
        await until(lambda: asking.value("cluster_waiting_jobs", stream="finals") == 1)
        redis_server.command("flushall")
        await until(lambda: asking.value("cluster_jobs_asked_again_total") == 1)
        async with worker(redis_server.url):
            assert (await waiting).number == 1


async def test_a_redis_that_pauses_costs_the_pause(redis_server: RedisServer) -> None:
    async with (
        gateway(redis_server.url, redis_timeout_ms=300, away_ms=500) as asking,
        worker(redis_server.url),
    ):
        await until(lambda: asking.ready)
        redis_server.pause()
        waiting = asking.ask(job())
        await until(lambda: asking.value("cluster_redis_up") == 0)
        await until(lambda: asking.unready() == "Redis does not answer")
        redis_server.resume()
        assert (await waiting).number == 1
        await until(lambda: asking.ready)


async def test_a_redis_without_memory_is_waited_for(redis_server: RedisServer) -> None:
    async with gateway(redis_server.url) as asking, worker(redis_server.url):
        redis_server.command("config", "set", "maxmemory", "1")
        waiting = asking.ask(job())
        await until(lambda: asking.value("cluster_redis_up") == 0)
        redis_server.command("config", "set", "maxmemory", "0")
        assert (await waiting).number == 1
        await until(lambda: asking.value("cluster_redis_up") == 1)


async def test_redis_may_come_later(redis_server: RedisServer) -> None:
    redis_server.kill()
    async with gateway(redis_server.url) as asking:
        waiting = asking.ask(job())
        redis_server.start()
        async with worker(redis_server.url):
            assert (await waiting).number == 1


async def test_a_redis_that_refuses_the_password_stops_the_start(redis_server: RedisServer) -> None:
    redis_server.command("config", "set", "requirepass", "secret")
    with pytest.raises(ConfigurationError, match="password"):
        async with gateway(f"redis://:wrong@127.0.0.1:{redis_server.port}"):
            pass


async def test_all_of_it_works_on_a_cluster(cluster_url: str) -> None:
    async with gateway(cluster_url, shards=1) as asking, lost_worker(cluster_url) as lost:
        held = asking.ask(job(1))
        assert len(await lost.reader.read(1)) == 1
        async with worker(cluster_url, lease_ms=100):
            await asyncio.gather(held, *[asking.decode(job(n, session=f"s{n}")) for n in range(9)])
            await until(lambda: asking.ready)
