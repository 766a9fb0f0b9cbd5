"""Reading a consumer group over a real Redis; what workers do with it is in tests/cluster/jobs and tools."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.cluster.harness import monitor, redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.redis.group_reader import ConsumerGroup, Entry, GroupReader

GROUP = ConsumerGroup("workers", (("{s}:first",), ("{s}:second",)), "payload")
FIRST, SECOND = GROUP.streams


@pytest.fixture
async def one(redis_url: str, client: Redis) -> AsyncIterator[GroupReader]:
    reader = GroupReader(redis_options(redis_url), client, GROUP, "one", monitor())
    await reader.create_group()
    yield reader
    await reader.close()


@pytest.fixture
async def other(redis_url: str, client: Redis) -> AsyncIterator[GroupReader]:
    reader = GroupReader(redis_options(redis_url), client, GROUP, "other", monitor())
    yield reader
    await reader.close()


async def add(client: Redis, stream: str, payload: bytes = b"x", field: str = "payload") -> str:
    entry: Any = await client.xadd(stream, {"before": b"b", field: payload})
    return str(entry.decode())


async def test_streams_are_read_in_order_up_to_the_count(client: Redis, one: GroupReader) -> None:
    last = await add(client, SECOND, b"\xff")
    ids = [await add(client, FIRST, bytes([n])) for n in range(3)]
    assert await one.read(2) == [
        Entry(FIRST, ids[0], b"\0"),
        Entry(FIRST, ids[1], b"\1"),
        Entry(SECOND, last, b"\xff"),
    ]
    assert await one.read(2) == [Entry(FIRST, ids[2], b"\2")]
    assert await one.read(2) == []


async def test_an_entry_without_the_field_costs_nothing_but_itself(client: Redis, one: GroupReader) -> None:
    await add(client, FIRST, field="odd")
    await add(client, FIRST, b"y")
    assert [entry.payload for entry in await one.read(9)] == [b"", b"y"]
    assert [entry.payload for entry in await one.claim(0, 9)] == [b"", b"y"]


def test_entries_of_two_streams_may_share_an_id() -> None:
    assert Entry(FIRST, "1-0", b"").key != Entry(SECOND, "1-0", b"").key


async def test_what_was_there_before_the_group_is_read(client: Redis, other: GroupReader) -> None:
    await add(client, FIRST)
    assert await other.read(1) == []  # creates the group
    assert len(await other.read(1)) == 1


async def test_claims_to_the_end_what_others_have_lost(
    client: Redis, one: GroupReader, other: GroupReader
) -> None:
    for _ in range(25):
        await add(client, FIRST)
    held = await one.read(25)
    assert await other.claim(60_000, 100) == []
    claimed = await other.claim(0, 10)
    claimed += await other.claim(0, 100)
    assert {entry.id for entry in claimed} == {entry.id for entry in held}
    assert {entry.deliveries for entry in claimed} == {2, 3}


async def test_renewing_keeps_only_what_is_ones_own(
    client: Redis, one: GroupReader, other: GroupReader
) -> None:
    for _ in range(2):
        await add(client, FIRST)
    [first, second] = await one.read(2)
    await one.release([first, second])
    [claimed] = await other.claim_released(1)
    await one.renew([first, second])
    assert claimed.id == first.id
    assert await other.claim_released(9) == []


async def test_leaves_the_group_unless_it_holds_something(client: Redis, one: GroupReader) -> None:
    await add(client, FIRST)
    [entry] = await one.read(1)
    assert not await one.leave()
    await client.xack(FIRST, GROUP.name, entry.id)
    assert await one.leave()


async def test_consumers_are_deleted_when_long_silent(
    client: Redis, one: GroupReader, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(client, FIRST)
    [entry] = await one.read(1)
    await client.xack(FIRST, GROUP.name, entry.id)
    assert await one.delete_idle_consumers() == 0
    monkeypatch.setattr("voicegw.cluster.redis.group_reader._CONSUMER_FORGOTTEN_MS", -1)
    # one of each stream; Redis before 7.2 makes none where there is nothing to read
    assert await one.delete_idle_consumers() in (1, 2)
    assert redis_server.command("xinfo", "consumers", FIRST, GROUP.name).strip() == ""
