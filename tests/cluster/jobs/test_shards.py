"""Jobs over several shards: on one Redis, and on a Cluster of three primaries with replicas."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.cluster.harness import (
    FINAL,
    PARTIAL,
    FakePool,
    Gateway,
    gateway,
    job,
    redis_client,
    redis_options,
    worker,
)
from tests.observing import PATIENCE_S, until
from tests.redis_cluster import PRIMARIES, RedisClusterServers
from tests.redis_server import RedisServer
from voicegw.cluster.redis.connect import connect_to_all
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.store import RedisStore
from voicegw.core.session_store import StoreCommit, StoreError


@pytest.fixture(scope="module")
def started() -> Iterator[RedisClusterServers]:
    directory = Path(tempfile.mkdtemp())
    servers = RedisClusterServers(directory)
    try:
        servers.start()
        yield servers
    finally:
        servers.kill()
        shutil.rmtree(directory)


@pytest.fixture
async def servers(started: RedisClusterServers) -> RedisClusterServers:
    """The Cluster, empty and with all nodes running."""
    for node in started.nodes:
        if not node.running:
            node.start()
    await asyncio.to_thread(started.settle)
    for node in started.primaries():
        node.command("flushall")
    return started


def added(node: RedisServer) -> int:
    """Jobs that have been added to streams of this server."""
    told = [
        node.command("xinfo", "stream", key).split() for key in node.command("keys", "*:partials*").split()
    ]
    return sum(int(words[words.index("entries-added") + 1]) for words in told)


async def test_jobs_are_spread_evenly_over_the_primaries(servers: RedisClusterServers) -> None:
    async with gateway(servers.url) as asking, worker(servers.url), worker(servers.url):
        await until(lambda: asking.ready)
        for number in range(10):
            await asyncio.gather(*[asking.decode(job(number + 1, PARTIAL, f"s{n}")) for n in range(9)])
        counts = [added(node) for node in servers.primaries()]
    assert sum(counts) == 90
    assert all(abs(count - 30) <= 3 for count in counts)


async def test_a_primary_that_is_killed_holds_up_nobody(servers: RedisClusterServers) -> None:
    pool = FakePool(capacity=2)
    async with gateway(servers.url) as asking, worker(servers.url, pool, lease_ms=500):
        await until(lambda: asking.ready)
        pool.may_answer.clear()
        held = [asking.ask(job(1, session=f"s{n}")) for n in range(6)]
        await until(lambda: len(pool.asked) >= 2)
        servers.primaries()[0].kill()
        pool.may_answer.set()
        await asyncio.gather(*held)
        for number in range(2, 12):
            await asyncio.gather(*[asking.decode(job(number, session=f"s{n}")) for n in range(6)])
        await until(lambda: len(servers.primaries()) == PRIMARIES)
        await until(lambda: asking.value("cluster_redis_up") == 1)
        assert await asking.decode(job(99))


async def test_jobs_that_wait_for_a_shard_leave_it_when_it_fails(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(redis_url, shards=2) as asking:
        hung, sound = asking._delivery._shards
        for _ in range(16):
            await hung.submitting.acquire()
        asked = [asking.ask(job(1, session=f"s{n}")) for n in range(4)]
        await until(lambda: len(asking._delivery._placed_in(sound)) == 2)
        monkeypatch.setattr(hung.monitor, "succeeded", lambda: False)
        hung.monitor.failed(ConnectionError("no answer"))
        hung.submitting.release()
        await until(lambda: len(asking._delivery._placed_in(sound)) == 4)
        async with worker(redis_url):
            await asyncio.gather(*asked)


def shard_waits(asking: Gateway) -> tuple[float | None, float | None]:
    return tuple(asking.value("cluster_waiting_jobs", stream=name) for name in ("finals", "partials"))  # type: ignore[return-value]


async def test_finals_of_all_shards_come_before_partials(redis_url: str) -> None:
    pool = FakePool(capacity=1)
    async with gateway(redis_url, shards=4) as asking:
        asked = [asking.ask(job(1, PARTIAL, f"partial {n}")) for n in range(4)]
        await until(lambda: shard_waits(asking) == (0, 4))
        asked += [asking.ask(job(1, FINAL, f"final {n}")) for n in range(4)]
        await until(lambda: shard_waits(asking) == (4, 4))
        async with worker(redis_url, pool):
            await asyncio.gather(*asked)
    assert [each.kind for each in pool.asked] == [FINAL] * 4 + [PARTIAL] * 4


async def test_a_worker_without_room_leaves_the_jobs_of_all_shards_to_others(redis_url: str) -> None:
    full, free = FakePool(capacity=1), FakePool(capacity=8)
    async with AsyncExitStack() as stack:
        asking = await stack.enter_async_context(gateway(redis_url, shards=4))
        await stack.enter_async_context(worker(redis_url, full))
        full.may_answer.clear()
        stuck = asking.ask(job(1, session="stuck"))
        await until(lambda: len(full.asked) == 1)
        await asyncio.sleep(0.3)  # its reads of the other shards have ended
        await stack.enter_async_context(worker(redis_url, free))
        await asyncio.gather(*[asking.decode(job(1, session=f"s{n}")) for n in range(8)])
        assert (len(full.asked), len(free.asked)) == (1, 8)
        full.may_answer.set()
        await stuck


async def test_the_number_of_shards_changes_while_jobs_are_done(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker(redis_url))
        old = await stack.enter_async_context(gateway(redis_url))
        await until(lambda: old.ready)
        for shards in (3, 5, 2):
            new = await stack.enter_async_context(gateway(redis_url, shards=shards))
            asked = [each.ask(job(n + 1, session=f"s{n}")) for n in range(20) for each in (old, new)]
            assert len(await asyncio.gather(*asked)) == 40
            await until(lambda new=new: new.ready)  # type: ignore[misc]
            old = new


async def test_the_streams_of_a_shard_count_are_left_when_nobody_announces_it(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicegw.cluster.jobs.worker_shards._STREAMS_KEPT_S", 0.5)
    stream = Keys("voicegw").shards(3)[1].finals
    async with worker(redis_url), redis_client(redis_url) as client:
        async with gateway(redis_url, shards=3) as asking:
            assert await asking.decode(job())
            assert len(await client.xinfo_consumers(stream, "workers")) == 1
        async with gateway(redis_url) as asking:
            status = asking._membership
            await until(lambda: asking._membership is not status and shard_counts(asking) == {1})


def shard_counts(asking: Gateway) -> set[int]:
    assert asking._membership is not None
    return {count for status in asking._membership.workers.values() for count in status.shard_counts}


async def test_sessions_on_other_primaries_are_saved_while_one_is_away(servers: RedisClusterServers) -> None:
    clients = connect_to_all(redis_options(servers.url))
    store = RedisStore(clients, Keys("test"), live_ms=60_000)
    try:
        for number in range(30):
            await store.save(commit(f"s{number}", whole=True))
        lost = servers.primaries()[0]
        lost.kill()
        saved = await asyncio.gather(
            *(store.save(commit(f"s{number}", whole=False)) for number in range(30)), return_exceptions=True
        )
        assert 10 <= sum(each is None for each in saved) < 30
        await until(lambda: len(servers.primaries()) == PRIMARIES)
        for number, before in enumerate(saved):
            if before is not None:
                await save_until_taken(store, commit(f"s{number}", whole=True))
    finally:
        await store.close()
        await clients.close()


def commit(session: str, whole: bool) -> StoreCommit:
    return StoreCommit(
        session=session,
        epoch=1,
        snapshot=b"snapshot",
        events={},
        first_event=1,
        audio=b"",
        audio_start=0,
        audio_from=0,
        whole=whole,
    )


async def save_until_taken(store: RedisStore, step: StoreCommit) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await store.save(step)
            except StoreError:
                await asyncio.sleep(0.1)
