"""Against a real Redis."""

import pytest
from redis.asyncio import Redis

from tests.cluster.harness import redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.redis import connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.rates import rate_storage
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits, Resource
from voicegw.telemetry import Metrics


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may be busy."""
    monkeypatch.setattr("voicegw.gateway.limits.rate_limits._STORAGE_S", 5.0)


def gateway(client: Redis) -> Limits:
    return Limits(LimitOptions(user_messages="3/minute"), Metrics(), rate_storage(client, Keys("voicegw")))


async def test_gateways_count_together(client: Redis) -> None:
    gateways = [gateway(client) for _ in range(2)]
    waits = [await each.charge(Resource.MESSAGES, 1, "alice", "") for each in (*gateways, *gateways)]
    assert waits[:3] == [0, 0, 0]
    assert 0 < waits[3] <= 60
    assert all("voicegw:limits" in str(key) for key in await client.keys("*"))


async def test_what_was_used_at_one_gateway_is_used_up_at_another(client: Redis) -> None:
    one, other = gateway(client), gateway(client)
    assert await other.used_up(Resource.MESSAGES, "alice", "") == 0
    await one.charge(Resource.MESSAGES, 3, "alice", "")
    assert 0 < await other.used_up(Resource.MESSAGES, "alice", "") <= 60
    assert await other.used_up(Resource.MESSAGES, "bob", "") == 0


SPOILT = {
    "a list": ("rpush", "x"),
    "a word": ("set", "many"),
    "a fraction": ("set", "1.5"),
    "the greatest number": ("set", str(2**63 - 1)),
    "a negative number": ("set", "-1000000"),
    "without an expiry": ("set", "1000000"),
}


@pytest.mark.parametrize("value", SPOILT)
@pytest.mark.parametrize("asked_first", [False, True])
async def test_a_counter_that_is_spoilt_is_deleted_and_all_go_on_counting_together(
    client: Redis, value: str, *, asked_first: bool
) -> None:
    one, other = gateway(client), gateway(client)
    await one.charge(Resource.MESSAGES, 1, "alice", "")
    [key] = await client.keys("*")
    await client.delete(key)
    command, content = SPOILT[value]
    await client.execute_command(command, key, content)  # type: ignore[no-untyped-call]
    if asked_first:
        await other.used_up(Resource.MESSAGES, "alice", "")
    if value == "without an expiry" and not asked_first:  # which shows once it is too much
        assert await one.charge(Resource.MESSAGES, 1, "alice", "") < 1
    waits = [await each.charge(Resource.MESSAGES, 1, "alice", "") for each in (one, other, one, other)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3] > 0
    assert await client.ttl(key) > 0


async def test_without_redis_each_counts_alone(client: Redis, redis_server: RedisServer) -> None:
    limits = gateway(client)
    redis_server.kill()
    waits = [await limits.charge(Resource.MESSAGES, 1, "alice", "") for _ in range(4)]
    assert [wait > 0 for wait in waits] == [False, False, False, True]


async def test_and_without_a_cluster(absent_cluster: Redis) -> None:
    limits = gateway(absent_cluster)
    waits = [await limits.charge(Resource.MESSAGES, 1, "alice", "") for _ in range(4)]
    assert [wait > 0 for wait in waits] == [False, False, False, True]


async def test_a_redis_cluster_counts_too(cluster_url: str) -> None:
    client = connect.connect(redis_options(cluster_url))
    waits = [await gateway(client).charge(Resource.MESSAGES, 2, "alice", "") for _ in range(2)]
    assert [wait > 0 for wait in waits] == [False, True]
    assert await gateway(client).used_up(Resource.MESSAGES, "alice", "") > 0
    await connect.close(client)
