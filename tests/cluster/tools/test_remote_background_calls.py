"""Tool calls in the background through a real Redis: made at most once, by whichever worker takes them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from tests.cluster.harness import lose_a_cancel, redis_client, redis_options
from tests.observing import PATIENCE_S, until
from tests.redis_cluster import RedisClusterServers
from tests.redis_server import RedisServer
from voicegw.cluster.redis.connect import close, connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.tools.remote_background_calls import RemoteBackgroundCallOptions, RemoteBackgroundCalls
from voicegw.cluster.tools.tool_worker import ToolWorker, ToolWorkerOptions
from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.errors import ToolFailed
from voicegw.telemetry import Metrics

CALL = AskedCall("c1", "book", '{"table": 7}', "alice", "s1")
HALF, RESULT = CallProgress("half"), CallProgress("done", done=True)


@dataclass
class Work:
    """Says "half", waits for the gate, says "done", or fails."""

    calls: list[ToolCalled] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Exception | None = None

    async def make(self, call: ToolCalled) -> AsyncGenerator[CallProgress, None]:
        self.calls.append(call)
        self.begun.set()
        yield HALF
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        yield RESULT


@asynccontextmanager
async def background_calls(url: str, **options: int) -> AsyncIterator[RemoteBackgroundCalls]:
    home = RemoteBackgroundCalls(redis_options(url), RemoteBackgroundCallOptions(**options))  # type: ignore[arg-type]
    yield home
    await home.close()


@asynccontextmanager
async def worker(
    url: str, work: Work, redis_timeout_ms: int = 10_000, **options: int
) -> AsyncIterator[ToolWorker]:
    settings = ToolWorkerOptions(**{"lease_ms": 60_000, "drain_timeout_ms": 0, **options})  # type: ignore[arg-type]
    made = ToolWorker(redis_options(url, redis_timeout_ms), settings, work.make, Metrics())
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        made.leave()
        await asyncio.wait_for(running, PATIENCE_S)


async def reports_of(home: RemoteBackgroundCalls, background_call: str) -> list[CallProgress]:
    async with asyncio.timeout(PATIENCE_S), aclosing(home.follow(background_call)) as reports:
        return [report async for report in reports]


async def test_a_call_is_made_elsewhere_and_its_progress_comes_back(redis_url: str) -> None:
    work = Work()
    async with background_calls(redis_url) as home, worker(redis_url, work):
        background_call = await home.submit(CALL)
        async with aclosing(home.follow(background_call)) as reports:
            assert await asyncio.wait_for(anext(reports), PATIENCE_S) == HALF
            work.gate.set()
            assert await asyncio.wait_for(anext(reports), PATIENCE_S) == RESULT
    assert work.calls == [CALL]


async def test_calls_need_no_other_server_of_a_cluster(tmp_path: Path) -> None:
    stream, servers = Keys("voicegw").background_calls, RedisClusterServers(tmp_path, replicas=False)
    try:
        await asyncio.to_thread(servers.start)
        other, *_ = (node for node in servers.nodes if "MOVED" in node.command("xlen", stream))
        [own] = (node for node in servers.nodes if "MOVED" not in node.command("xlen", stream))
        async with background_calls(servers.url) as home:
            await home.submit(CALL)
            other.kill()
            own.command("client", "kill", "type", "normal")
            with pytest.raises(ToolFailed, match="not known whether"):
                await home.submit(CALL)
            await home.submit(CALL)
    finally:
        servers.kill()


async def test_calls_wait_for_a_worker_and_for_their_follower(redis_url: str) -> None:
    work = Work()
    work.gate.set()
    async with background_calls(redis_url, max_per_user=5) as home:
        names = [await home.submit(CALL) for _ in range(5)]
        async with worker(redis_url, work), worker(redis_url, work):
            assert [await reports_of(home, name) for name in names] == [[HALF, RESULT]] * 5
    assert len(work.calls) == 5


@pytest.mark.parametrize("result", [[], [RESULT]])
async def test_of_reports_that_waited_the_last_one_and_the_result_come(
    redis_url: str, client: Redis, result: list[CallProgress]
) -> None:
    waited = [CallProgress(f"{part} %") for part in range(10)]
    for report in (*waited, *result):
        await client.xadd(Keys("voicegw").call_progress("name"), {"progress": msgspec.json.encode(report)})
    async with background_calls(redis_url) as home, aclosing(home.follow("name")) as reports:
        assert [await anext(reports) for _ in (waited[-1], *result)] == [waited[-1], *result]


async def test_a_full_queue_refuses(redis_url: str) -> None:
    async with background_calls(redis_url, max_waiting=2) as home:
        await home.submit(CALL)
        await home.submit(CALL)
        with pytest.raises(ToolFailed, match="too many"):
            await home.submit(CALL)


async def test_one_user_has_a_share_of_the_places_over_all_gateways(redis_url: str) -> None:
    work = Work()
    async with background_calls(redis_url) as first, background_calls(redis_url) as second:
        names = [await home.submit(CALL) for home in (first, second, first)]
        for home in (first, second):
            with pytest.raises(ToolFailed, match="have to finish first"):
                await home.submit(AskedCall("c2", "book", "{}", "alice", "s2"))
            await home.submit(AskedCall("c3", "book", "{}", "bob", "s3"))
        async with worker(redis_url, work):
            work.gate.set()
            assert (await reports_of(first, names[0]))[-1] == RESULT
            await second.submit(CALL)


async def test_a_place_is_given_back_when_its_call_is_given_up(redis_url: str, client: Redis) -> None:
    async with background_calls(redis_url, max_per_user=1, give_up_ms=1_500) as home:
        await home.submit(CALL)
        with pytest.raises(ToolFailed, match="have to finish first"):
            await home.submit(CALL)
        await client.delete(Keys("voicegw").background_calls)  # as when Redis has lost it
        await asyncio.sleep(1.6)
        await home.submit(CALL)


async def test_what_is_spoilt_of_a_users_places_refuses_nobody(redis_url: str, client: Redis) -> None:
    places, work = Keys("voicegw").background_calls_of("alice"), Work()
    await client.set(places, "x")
    async with background_calls(redis_url) as home, worker(redis_url, work):
        background_call = await home.submit(CALL)
        await asyncio.wait_for(work.begun.wait(), PATIENCE_S)
        await client.set(places, "x")
        work.gate.set()
        assert (await reports_of(home, background_call))[-1] == RESULT


async def test_done_calls_make_room(redis_url: str) -> None:
    work = Work()
    work.gate.set()
    async with background_calls(redis_url, max_waiting=1) as home, worker(redis_url, work):
        for _ in range(3):
            assert (await reports_of(home, await home.submit(CALL)))[-1] == RESULT


async def test_a_call_of_a_gateway_of_an_earlier_version_is_made(redis_url: str, client: Redis) -> None:
    work = Work()
    work.gate.set()
    call = ("AskedCall", CALL.id, CALL.name, CALL.arguments, CALL.user, CALL.session)
    await client.xadd(Keys("voicegw").background_calls, {"call": msgspec.json.encode(("name", call))})
    async with background_calls(redis_url) as home, worker(redis_url, work):
        assert await reports_of(home, "name") == [HALF, RESULT]
    assert work.calls == [CALL]


async def test_a_call_that_was_given_up_is_not_made(redis_url: str) -> None:
    work = Work()
    async with background_calls(redis_url, give_up_ms=100) as home, background_calls(redis_url) as patient:
        background_call = await home.submit(CALL)
        await asyncio.sleep(0.15)
        async with worker(redis_url, work):
            [report] = await reports_of(patient, background_call)
    assert (report.ok, work.calls) == (False, [])
    assert "not made" in report.content


async def test_without_redis_the_model_is_told(redis_server: RedisServer) -> None:
    async with background_calls(redis_server.url) as home:
        redis_server.kill()
        with pytest.raises(ToolFailed, match="not known whether"):
            await home.submit(CALL)


async def test_a_call_whose_worker_was_lost_is_not_made_again(redis_url: str) -> None:
    work, ghost = Work(), connect(redis_options(redis_url))
    stream = Keys("voicegw").background_calls
    await ghost.xgroup_create(stream, "tools", id="0-0", mkstream=True)
    async with background_calls(redis_url) as home:
        background_call = await home.submit(CALL)
        await ghost.xreadgroup("tools", "ghost", {stream: ">"})
        await close(ghost)
        async with worker(redis_url, work, lease_ms=400):
            (report,) = await reports_of(home, background_call)
    assert "not known whether it was done" in report.content
    assert (report.ok, work.calls) == (False, [])


async def test_a_call_that_another_worker_has_claimed_is_not_made(
    redis_url: str, client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, stream, claimed = Work(), Keys("voicegw").background_calls, asyncio.Event()

    async def late() -> tuple[int, int]:
        await client.xautoclaim(stream, "tools", "other", 0)
        claimed.set()
        return await client.time()

    async with background_calls(redis_url) as home, worker(redis_url, work) as made:
        monkeypatch.setattr(made._redis, "time", late)
        await home.submit(CALL)
        await asyncio.wait_for(claimed.wait(), PATIENCE_S)
        await until(lambda: not made._worker.held)
    assert work.calls == []


async def test_a_call_longer_than_the_lease_is_not_lost(redis_url: str) -> None:
    work = Work()
    async with background_calls(redis_url) as home, worker(redis_url, work, lease_ms=100):
        background_call = await home.submit(CALL)
        await asyncio.wait_for(work.begun.wait(), PATIENCE_S)
        # A lease that is longer than a machine under load stands still, and many renewals of the other one.
        async with worker(redis_url, work, lease_ms=1_500):
            await asyncio.sleep(2)
            work.gate.set()
            assert (await reports_of(home, background_call))[-1] == RESULT


async def test_a_worker_that_leaves_finishes_what_it_holds(redis_url: str) -> None:
    work = Work()
    async with background_calls(redis_url) as home:
        async with worker(redis_url, work, drain_timeout_ms=10_000) as leaving:
            background_call = await home.submit(CALL)
            await asyncio.wait_for(work.begun.wait(), PATIENCE_S)
            leaving.leave()
            work.gate.set()
        assert (await reports_of(home, background_call))[-1] == RESULT
    assert await consumers(redis_url) == []


async def consumers(url: str) -> list[object]:
    async with redis_client(url) as redis:
        return list(await redis.xinfo_consumers(Keys("voicegw").background_calls, "tools"))


async def test_a_worker_that_starts_deletes_the_names_of_those_long_gone(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicegw.cluster.redis.group_reader._CONSUMER_FORGOTTEN_MS", -1)
    async with redis_client(redis_url) as redis:
        await redis.xgroup_create(Keys("voicegw").background_calls, "tools", id="0-0", mkstream=True)
        await redis.xgroup_createconsumer(Keys("voicegw").background_calls, "tools", "gone")
    async with worker(redis_url, Work()):
        pass
    assert await consumers(redis_url) == []


async def test_and_says_so_about_what_it_cannot(redis_url: str) -> None:
    work = Work()
    async with background_calls(redis_url) as home:
        async with worker(redis_url, work, drain_timeout_ms=0):
            background_call = await home.submit(CALL)
            await asyncio.wait_for(work.begun.wait(), PATIENCE_S)
        assert not (await reports_of(home, background_call))[-1].ok


async def test_a_result_survives_a_redis_that_is_away(redis_server: RedisServer) -> None:
    work = Work()
    async with (
        background_calls(redis_server.url) as home,
        worker(redis_server.url, work, redis_timeout_ms=300),
    ):
        background_call = await home.submit(CALL)
        await asyncio.wait_for(work.begun.wait(), PATIENCE_S)
        redis_server.pause()
        work.gate.set()
        await asyncio.sleep(0.5)
        redis_server.resume()
        assert (await reports_of(home, background_call))[-1] == RESULT


async def test_a_malformed_background_call_costs_no_worker(redis_server: RedisServer) -> None:
    stream, work = Keys("voicegw").background_calls, Work()
    work.gate.set()
    malformed = '["name", {"id": "1"}]'
    ghost = connect(redis_options(redis_server.url))
    await ghost.xgroup_create(stream, "tools", id="0-0", mkstream=True)
    await ghost.xadd(stream, {"call": malformed})
    await ghost.xreadgroup("tools", "ghost", {stream: ">"})  # one that another worker was lost with
    await ghost.xadd(stream, {"call": malformed})
    async with background_calls(redis_server.url) as home, worker(redis_server.url, work, lease_ms=400):
        assert (await reports_of(home, await home.submit(CALL)))[-1] == RESULT
        await until(lambda: redis_server.command("xlen", stream).strip() == "0")
    await close(ghost)


async def test_a_fault_in_a_call_costs_no_worker(redis_url: str) -> None:
    work = Work(fault=ZeroDivisionError())
    work.gate.set()
    async with background_calls(redis_url) as home, worker(redis_url, work):
        report = (await reports_of(home, await home.submit(CALL)))[-1]
        assert "not known what was done" in report.content
        assert not report.ok
        work.fault = None
        assert (await reports_of(home, await home.submit(CALL)))[-1] == RESULT


async def test_a_follower_that_is_cancelled_ends_though_the_cancel_was_lost(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deaf(*_: object, **__: object) -> list[object]:
        await lose_a_cancel()
        return []

    async with background_calls(redis_url) as home:
        monkeypatch.setattr(home._redis, "xrange", deaf)
        following = asyncio.create_task(reports_of(home, "e"))
        await asyncio.sleep(0.05)
        following.cancel()
        await asyncio.wait((following,), timeout=PATIENCE_S)
        assert following.cancelled()


async def test_nobody_waits_for_ever(redis_url: str) -> None:
    async with background_calls(redis_url, give_up_ms=100) as home:
        (report,) = await reports_of(home, await home.submit(CALL))
    assert report == CallProgress('{"error":"no result in time"}', done=True, ok=False)
