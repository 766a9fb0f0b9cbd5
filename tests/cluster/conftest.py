"""What tests against a real Redis share."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from voicegw.cluster import connect
from voicegw.cluster.connect import RedisOptions


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """A connection to the Redis server of this test run."""
    client = connect.connect(RedisOptions(url=redis_url))
    await client.ping()
    yield client
    await connect.close(client)
