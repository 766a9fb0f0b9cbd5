"""Who is there, from a real Redis: several who sign in, and streams with something in them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.cluster.harness import redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.job_messages import WorkerStatus, encode
from voicegw.cluster.jobs.membership import Membership, MembershipRegistry, Queue
from voicegw.cluster.redis.connect import close, connect
from voicegw.cluster.redis.keys import Keys
from voicegw.telemetry import Metrics

KEYS = Keys("voicegw")
BUSY, COLD = WorkerStatus(4, 2, 0.5), WorkerStatus(0, 0, 0.0)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_options(redis_url))
    yield client
    await close(client)


async def registered(redis: Redis) -> Membership:
    return await MembershipRegistry(redis, KEYS, "a gateway").heartbeat(None)


async def test_workers_are_there_until_they_sign_out(redis: Redis) -> None:
    for name, status in (("a", BUSY), ("b", COLD)):
        await MembershipRegistry(redis, KEYS, name).heartbeat(status)
    assert dict((await registered(redis)).workers) == {"a": BUSY, "b": COLD}
    assert (await registered(redis)).warm == 1
    await MembershipRegistry(redis, KEYS, "a").leave()
    assert dict((await registered(redis)).workers) == {"b": COLD}


async def test_the_silent_are_gone_and_forgotten_in_the_end(redis: Redis, redis_server: RedisServer) -> None:
    now_ms = int(redis_server.command("time").split()[0]) * 1000
    for name, silent_ms in (("late", 11_000), ("lost", 70_000)):
        for register in (KEYS.workers, KEYS.gateways):
            redis_server.command("hset", register, name, f"{now_ms - silent_ms} ")
    there = await registered(redis)
    assert (there.warm, there.gone_gateways) == (0, frozenset({"late", "lost"}))
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
    await MembershipRegistry(redis, KEYS, "a").heartbeat(BUSY)
    there = await registered(redis)
    assert (dict(there.workers), there.gone_gateways) == ({"a": BUSY}, frozenset())
    assert await redis.hkeys(KEYS.workers) == [b"a"]
    await registered(redis)
    assert await redis.hkeys(KEYS.gateways) == [b"a gateway"]


async def test_a_worker_whose_time_is_still_to_come_is_not_there(redis: Redis) -> None:
    await redis.hset(KEYS.workers, "phantom", b"99999999999999 " + encode(BUSY))
    assert dict((await registered(redis)).workers) == {}


async def test_keys_that_hold_something_else_are_deleted(redis: Redis) -> None:
    for key in (KEYS.workers, KEYS.gateways, KEYS.finals, KEYS.partials):
        await redis.set(key, "x")
    await MembershipRegistry(redis, KEYS, "a").heartbeat(BUSY)
    assert dict((await registered(redis)).workers) == {"a": BUSY}


async def test_what_waits_and_what_is_held(redis: Redis) -> None:
    assert (await registered(redis)).finals == Queue(0, 0, 0)
    for _ in range(3):
        await redis.xadd(KEYS.finals, {"job": b""})
    assert (await registered(redis)).finals.waiting == 3
    await redis.xgroup_create(KEYS.finals, "workers", id="0")
    await redis.xreadgroup("workers", "a", {KEYS.finals: ">"}, count=1)
    there = await registered(redis)
    assert (there.finals.waiting, there.finals.held, there.partials) == (2, 1, Queue(0, 0, 0))
    assert 0 <= there.finals.oldest_ms < 10_000


def test_what_to_scale_by_is_shown() -> None:
    metrics = Metrics()
    Membership({"a": BUSY, "b": COLD}, frozenset(), Queue(3, 2, 1500), Queue(0, 0, 0)).export(metrics.cluster)

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"voicegw_cluster_{name}", labels)

    assert (value("waiting_jobs", stream="finals"), value("held_jobs", stream="finals")) == (3, 2)
    assert value("oldest_waiting_seconds", stream="finals") == 1.5
    assert (value("workers"), value("group_busy_share")) == (1, 0.5)
