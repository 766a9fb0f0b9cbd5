"""The clients of all slots, with a real Cluster of one node."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.cluster.harness import redis_client, redis_options
from tests.redis_server import RedisServer, free_port
from voicegw.cluster.redis.connect import connect_to_all
from voicegw.cluster.redis.slots import SlotClients, SlotTable


@pytest.fixture
async def clients(cluster_url: str) -> AsyncIterator[SlotClients]:
    made = connect_to_all(redis_options(cluster_url))
    assert isinstance(made, SlotClients)
    yield made
    await made.close()


async def reads(cluster_url: str) -> int:
    """How often the table was read."""
    async with redis_client(cluster_url.replace("redis+cluster", "redis")) as node:
        commands = await node.info("commandstats")
    return int(commands.get("cmdstat_cluster|slots", {"calls": 0})["calls"])


async def test_look_ups_at_the_same_time_share_one_read(clients: SlotClients, cluster_url: str) -> None:
    before = await reads(cluster_url)
    for _ in range(2):
        found = await asyncio.gather(*(clients.of(f"key {number}") for number in range(50)))
        assert len(set(found)) == 1
    assert await reads(cluster_url) == before + 1
    clients.forget()
    await clients.of("key")
    assert await reads(cluster_url) == before + 2


async def test_a_look_up_that_is_cancelled_takes_the_read_from_no_other(clients: SlotClients) -> None:
    given_up = asyncio.create_task(clients.of("one"))
    other = asyncio.create_task(clients.of("other"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await (await other).ping()
    assert given_up.cancelled()


async def test_a_server_that_has_left_is_asked_no_more(cluster_url: str) -> None:
    port = int(cluster_url.rpartition(":")[2])
    table = SlotTable((("127.0.0.1", port),), {})
    table._learn(("127.0.0.1", port), [[0, 16383, [b"10.0.0.1", port], [b"10.0.0.2", port]]])
    assert ("10.0.0.2", port) in table._nodes
    assert [primary for _, _, primary in await table.read()] == [("127.0.0.1", port)]
    assert table._nodes == [("127.0.0.1", port)]


async def test_a_server_that_another_read_has_dropped_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    here, left, failing = ("127.0.0.1", 7_000), ("10.0.0.1", 7_000), asyncio.Event()
    complete = [[0, 16383, [b"127.0.0.1", 7_000]]]

    async def ask(node: tuple[str, int]) -> list[list[object]]:
        if node == left:
            await failing.wait()
            raise ConnectionError
        return complete

    table = SlotTable((here,), {})
    table._nodes = [left, here]
    monkeypatch.setattr(table, "_ask", ask)
    reading = asyncio.create_task(table.read())
    await asyncio.sleep(0)
    table._learn(here, complete)
    failing.set()
    assert await reading == [(0, 16383, here)]
    assert table._nodes == [here]


@pytest.mark.parametrize("slots", [(), ("addslotsrange", "0", "99")])
async def test_a_server_that_does_not_know_all_slots_is_asked_last(
    cluster_url: str, new_node: RedisServer, slots: tuple[str, ...]
) -> None:
    if slots:
        new_node.command("cluster", *slots)
    known, new = ("127.0.0.1", int(cluster_url.rpartition(":")[2])), ("127.0.0.1", new_node.port)
    table = SlotTable((new, known), {})
    assert await table.read() == [(0, 16383, known)]
    assert table._nodes == [known, new]


async def test_slots_that_no_server_has_cost_no_others(new_node: RedisServer) -> None:
    new_node.command("cluster", "addslotsrange", "0", "99")
    node = ("127.0.0.1", new_node.port)
    assert await SlotTable((node,), {}).read() == [(0, 99, node)]


async def test_each_look_up_is_told_that_no_server_answers() -> None:
    nowhere = SlotClients((("127.0.0.1", free_port()),), {})
    found = await asyncio.gather(*(nowhere.of("key") for _ in range(3)), return_exceptions=True)
    assert [str(each) for each in found] == ["no server of the Redis Cluster answers"] * 3
    await nowhere.close()
