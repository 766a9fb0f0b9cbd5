"""What tests against a real Redis share."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.redis_server import free_port
from voicegw.cluster import connect
from voicegw.cluster.connect import RedisOptions


@pytest.fixture
async def absent_cluster() -> AsyncIterator[Redis]:
    """A client of a cluster of which no node answers."""
    client = connect.connect(RedisOptions(url=f"redis+cluster://127.0.0.1:{free_port()}"))
    yield client
    await connect.close(client)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """A connection to the Redis server of this test run."""
    client = connect.connect(RedisOptions(url=redis_url))
    await client.ping()
    yield client
    await connect.close(client)
