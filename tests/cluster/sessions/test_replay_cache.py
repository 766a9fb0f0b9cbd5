"""Against a real Redis."""

import pytest
from redis.asyncio import Redis

from tests.redis_server import RedisServer
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.replay_cache import SharedReplayCache
from voicegw.errors import StoreUnavailable


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may be busy."""
    monkeypatch.setattr("voicegw.cluster.sessions.replay_cache._ANSWER_S", 5.0)


async def test_what_one_gateway_has_seen_another_refuses(client: Redis) -> None:
    one, other = (SharedReplayCache(client, Keys("voicegw")) for _ in range(2))
    assert await one.consume("alice/1", 60)
    assert not await other.consume("alice/1", 60)
    assert await other.consume("bob/1", 60)


async def test_marks_expire_and_tell_nothing(client: Redis) -> None:
    await SharedReplayCache(client, Keys("voicegw")).consume("alice/1", 60)
    [key] = await client.keys("*")
    assert b"alice" not in key
    assert 50_000 < await client.pttl(key) <= 60_000  # by Redis's own clock, whatever the gateway's says


async def test_whoever_cannot_be_checked_is_not_let_in(client: Redis, redis_server: RedisServer) -> None:
    redis_server.kill()
    with pytest.raises(StoreUnavailable):
        await SharedReplayCache(client, Keys("voicegw")).consume("alice/1", 60)


async def test_nor_when_it_is_a_cluster_that_is_away(absent_cluster: Redis) -> None:
    with pytest.raises(StoreUnavailable):
        await SharedReplayCache(absent_cluster, Keys("voicegw")).consume("alice/1", 60)
