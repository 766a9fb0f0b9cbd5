"""The consumer's loop with a handler that does as it is told, over a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from tests.cluster.harness import monitor, redis_client, redis_options
from tests.observing import PATIENCE_S, until
from tests.redis_server import RedisServer
from voicegw.cluster.redis.group_reader import ConsumerGroup, Entry, GroupReader
from voicegw.cluster.redis.group_worker import GroupWorker

GROUP = ConsumerGroup("workers", (("s",),), "payload")


class Handler:
    """Holds each entry until its gate is open, then acknowledges it."""

    def __init__(self, client: Redis, capacity: int = 2, min_claims: int = 0) -> None:
        self.capacity = capacity
        self.min_claims = min_claims
        self.seen: list[Entry] = []
        self.gate = asyncio.Event()
        self.faults: list[Exception] = []
        self._client = client

    async def handle(self, entry: Entry) -> None:
        self.seen.append(entry)
        if self.faults:
            raise self.faults.pop()
        if entry.deliveries == 1:
            await self.gate.wait()
        await self._client.xack("s", GROUP.name, entry.id)


@asynccontextmanager
async def working(
    url: str,
    client: Redis,
    handler: Handler,
    name: str = "one",
    lease_ms: int = 60_000,
    timeout_ms: int = 10_000,
) -> AsyncIterator[GroupWorker]:
    reader = GroupReader(redis_options(url, timeout_ms), client, GROUP, name, monitor())
    await reader.create_group()
    worker = GroupWorker(handler, lease_ms)
    running = asyncio.create_task(worker.run((reader,), 0))
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, PATIENCE_S)
        await reader.close()


async def add(client: Redis, count: int) -> None:
    for _ in range(count):
        await client.xadd("s", {"payload": b"x"})


async def pending(client: Redis) -> int:
    return int((await client.xpending("s", GROUP.name))["pending"])


async def test_reads_no_more_than_there_is_room_for(redis_url: str, client: Redis) -> None:
    handler = Handler(client)
    await add(client, 5)
    async with working(redis_url, client, handler) as worker:
        await until(lambda: len(worker.held) == 2)
        await asyncio.sleep(0.3)
        assert (len(handler.seen), await pending(client)) == (2, 2)
        handler.gate.set()
        await until(lambda: len(handler.seen) == 5)
        await until(lambda: not worker.held)
    assert await pending(client) == 0


async def test_a_fault_costs_its_entry_only_which_is_claimed_again(redis_url: str, client: Redis) -> None:
    handler = Handler(client)
    handler.faults = [ZeroDivisionError()]
    handler.gate.set()
    await add(client, 2)
    async with working(redis_url, client, handler, lease_ms=100):
        await until(lambda: len(handler.seen) == 3)
    assert [entry.deliveries for entry in handler.seen] == [1, 1, 2]
    assert handler.seen[2].id == handler.seen[0].id


async def test_lost_entries_are_claimed_without_room_where_that_is_wanted(
    redis_url: str, client: Redis
) -> None:
    full, handler = Handler(client, capacity=1), Handler(client, capacity=1, min_claims=10)
    await add(client, 1)
    async with working(redis_url, client, handler, "handler", lease_ms=100) as worker:
        await until(lambda: len(worker.held) == 1)
        await add(client, 1)
        async with working(redis_url, client, full, "lost"):  # which has a long lease, and does not renew
            await until(lambda: bool(full.seen))
            await until(lambda: len(handler.seen) == 2)
        assert handler.seen[1].deliveries == 2


async def test_leases_that_expired_while_redis_was_away_can_be_renewed(redis_server: RedisServer) -> None:
    url = redis_server.url
    async with redis_client(url) as patient, redis_client(url, timeout_ms=300) as client:
        handler, other = Handler(client), GroupReader(redis_options(url), patient, GROUP, "other", monitor())
        handler.gate.set()
        await other.create_group()
        await add(patient, 1)
        [held] = await other.read(1)
        async with working(url, client, handler, lease_ms=2_000, timeout_ms=300):
            redis_server.pause()
            await asyncio.sleep(2.2)
            redis_server.resume()
            await add(patient, 1)
            await until(lambda: bool(handler.seen))
            await asyncio.sleep(0.6)
            assert await other.renew([held]) == 1
            assert [entry.deliveries for entry in handler.seen] == [1]
            await until(lambda: len(handler.seen) == 2)
        assert handler.seen[1].id == held.id
        await other.close()


async def test_a_worker_that_starts_gives_others_time_to_renew_their_leases(
    redis_url: str, client: Redis
) -> None:
    handler, other = Handler(client), GroupReader(redis_options(redis_url), client, GROUP, "other", monitor())
    handler.gate.set()
    await other.create_group()
    await add(client, 1)
    [held] = await other.read(1)
    await asyncio.sleep(2.1)
    async with working(redis_url, client, handler, lease_ms=2_000):
        await asyncio.sleep(0.6)
        assert await other.renew([held]) == 1
        assert not handler.seen
        await until(lambda: len(handler.seen) == 1)
    await other.close()


async def test_what_it_cannot_process_is_left_to_others(redis_url: str, client: Redis) -> None:
    broken, sound = Handler(client), Handler(client)
    await add(client, 1)
    async with working(redis_url, client, broken, "broken", lease_ms=200):
        await until(lambda: bool(broken.seen))
        broken.capacity = 0
        async with working(redis_url, client, sound, "sound", lease_ms=1000):
            await until(lambda: bool(sound.seen))


async def test_what_is_not_done_in_time_is_told(redis_url: str, client: Redis) -> None:
    handler = Handler(client)
    reader = GroupReader(redis_options(redis_url), client, GROUP, "one", monitor())
    await reader.create_group()
    worker = GroupWorker(handler, 60_000)
    running = asyncio.create_task(worker.run((reader,), 0))
    await add(client, 1)
    await until(lambda: bool(handler.seen))
    worker.stop()
    unfinished = await asyncio.wait_for(running, PATIENCE_S)
    await reader.close()
    assert unfinished == handler.seen
    assert not worker.held
