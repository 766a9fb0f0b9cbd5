"""Who is there, from a real Redis: several who sign in, and streams with something in them."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from tests.cluster.harness import only_shard, redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.job_messages import WorkerStatus, encode
from voicegw.cluster.jobs.membership import Membership, MembershipRegistry, Queue, Queues, queues_of
from voicegw.cluster.redis.connect import close, connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.scripts import GROUP, QUEUES
from voicegw.telemetry import Metrics

KEYS = Keys("voicegw")
SHARD = only_shard()
BUSY, COLD = WorkerStatus(4, 2, 0.5), WorkerStatus(0, 0, 0.0)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_options(redis_url))
    yield client
    await close(client)


async def registered(redis: Redis) -> Membership:
    return await MembershipRegistry(redis, KEYS, "a gateway").heartbeat_of_gateway(1)


async def test_workers_are_there_until_they_sign_out(redis: Redis) -> None:
    for name, status in (("a", BUSY), ("b", COLD)):
        await MembershipRegistry(redis, KEYS, name).heartbeat_of_worker(status)
    assert dict((await registered(redis)).workers) == {"a": BUSY, "b": COLD}
    assert (await registered(redis)).warm() == 1
    await MembershipRegistry(redis, KEYS, "a").leave()
    assert dict((await registered(redis)).workers) == {"b": COLD}


async def test_the_silent_are_gone_and_forgotten_in_the_end(redis: Redis, redis_server: RedisServer) -> None:
    now_ms = int(redis_server.command("time").split()[0]) * 1000
    for name, silent_ms in (("late", 11_000), ("lost", 70_000)):
        for register in (KEYS.workers, KEYS.gateways):
            redis_server.command("hset", register, name, f"{now_ms - silent_ms} ")
    there = await registered(redis)
    assert (there.warm(), there.gone_gateways) == (0, frozenset({"late", "lost"}))
    assert (await registered(redis)).gone_gateways == {"late"}


async def test_a_worker_of_another_make_is_not_counted(redis: Redis, redis_server: RedisServer) -> None:
    redis_server.command("hset", KEYS.workers, "other", "99999999999999 nonsense")
    assert dict((await registered(redis)).workers) == {}


UNREADABLE: dict[Any, Any] = {
    "stray": "nonsense",
    "empty": "",
    "long": "9" * 5_000,
    "early": "99999999999999 ",
}


async def test_entries_that_cannot_be_read_are_skipped_and_deleted(redis: Redis) -> None:
    for register in (KEYS.workers, KEYS.gateways):
        await redis.hset(register, mapping=UNREADABLE)
        await redis.hset(register, b"\xff", b"1 ")
    await MembershipRegistry(redis, KEYS, "a").heartbeat_of_worker(BUSY)
    there = await registered(redis)
    assert (dict(there.workers), there.gone_gateways) == ({"a": BUSY}, frozenset())
    assert await redis.hkeys(KEYS.workers) == [b"a"]
    await registered(redis)
    assert await redis.hkeys(KEYS.gateways) == [b"a gateway"]


async def test_a_worker_whose_time_is_still_to_come_is_not_there(redis: Redis) -> None:
    await redis.hset(KEYS.workers, "phantom", b"99999999999999 " + encode(BUSY))
    assert dict((await registered(redis)).workers) == {}


async def test_the_shard_counts_of_all_gateways_are_known(redis: Redis) -> None:
    await redis.hset(KEYS.gateways, "of an earlier version", f"{int((await redis.time())[0]) * 1000} ")
    for name, count in (("a", 3), ("b", 6), ("c", 3)):
        await MembershipRegistry(redis, KEYS, name).heartbeat_of_gateway(count)
    there = await MembershipRegistry(redis, KEYS, "w").heartbeat_of_worker(BUSY)
    assert there.shard_counts == {1, 3, 6}


@pytest.mark.parametrize("written", ["9" * 5_000, "-3", "x", "\u00b2", "65"])
async def test_a_shard_count_that_cannot_be_is_that_of_one_shard(redis: Redis, written: str) -> None:
    await redis.hset(KEYS.gateways, "odd", f"{int((await redis.time())[0]) * 1000} {written}")
    there = await MembershipRegistry(redis, KEYS, "w").heartbeat_of_worker(BUSY)
    assert there.shard_counts == {1}


async def test_a_worker_counts_for_the_shard_counts_that_it_reads(redis: Redis) -> None:
    for name, counts in (("a", (1,)), ("b", (1, 3))):
        status = msgspec.structs.replace(BUSY, shard_counts=counts)
        await MembershipRegistry(redis, KEYS, name).heartbeat_of_worker(status)
    there = await registered(redis)
    assert (there.warm(), there.warm(1), there.warm(3), there.warm(6)) == (2, 2, 1, 0)


async def test_keys_that_hold_something_else_are_deleted(redis: Redis) -> None:
    for key in (KEYS.workers, KEYS.gateways, SHARD.finals, SHARD.partials):
        await redis.set(key, "x")
    await MembershipRegistry(redis, KEYS, "a").heartbeat_of_worker(BUSY)
    assert dict((await registered(redis)).workers) == {"a": BUSY}
    assert await queues(redis) == Queues()


async def queues(redis: Redis) -> Queues:
    return queues_of(await redis.register_script(QUEUES)(keys=[SHARD.finals, SHARD.partials], args=[GROUP]))


async def test_what_waits_and_what_is_held(redis: Redis) -> None:
    for _ in range(3):
        await redis.xadd(SHARD.finals, {"job": b""})
    assert (await queues(redis)).finals.waiting == 3
    await redis.xgroup_create(SHARD.finals, GROUP, id="0")
    await redis.xreadgroup(GROUP, "a", {SHARD.finals: ">"}, count=1)
    there = await queues(redis)
    assert (there.finals.waiting, there.finals.held, there.partials) == (2, 1, Queue())
    assert 0 <= there.finals.oldest_ms < 10_000


def test_what_to_scale_by_is_shown() -> None:
    metrics = Metrics()
    Membership({"a": BUSY, "b": COLD}, frozenset()).export(metrics.cluster)
    shards = Queues(Queue(3, 2, 1500), Queue()), Queues(Queue(1, 0, 200), Queue())
    sum(shards, Queues()).export(metrics.cluster)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"voicegw_cluster_{name}", labels)

    assert (value("waiting_jobs", stream="finals"), value("held_jobs", stream="finals")) == (4, 2)
    assert value("oldest_waiting_seconds", stream="finals") == 1.5
    assert (value("workers"), value("group_busy_share")) == (1, 0.5)
