"""What a worker may do with entries, over a real Redis; whole workers are in test_consumer.py."""

from collections.abc import AsyncIterator

import pytest

from tests.cluster.house import PARTIAL, job, patient_options
from tests.redis_server import RedisServer
from voicegw.cluster.messages import Answer, Outcome, Submission
from voicegw.cluster.submitting import BEGINNING, GatewayStreams
from voicegw.cluster.taking import WorkerStreams
from voicegw.errors import ConfigurationError

ANSWER = Answer(1, Outcome.OVERTAKEN)


@pytest.fixture
async def asking(redis_url: str) -> AsyncIterator[GatewayStreams]:
    streams = GatewayStreams(patient_options(redis_url), "g")
    yield streams
    await streams.close()


@pytest.fixture
async def one(redis_url: str) -> AsyncIterator[WorkerStreams]:
    streams = WorkerStreams(patient_options(redis_url), "one")
    await streams.found()
    yield streams
    await streams.close()


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[WorkerStreams]:
    streams = WorkerStreams(patient_options(redis_url), "other")
    yield streams
    await streams.close()


async def submit(asking: GatewayStreams, count: int) -> None:
    for ticket in range(count):
        await asking.submit(Submission("g", ticket, job()))


async def test_finals_come_before_partials(asking: GatewayStreams, one: WorkerStreams) -> None:
    await asking.submit(Submission("g", 1, job(kind=PARTIAL)))
    await submit(asking, 2)
    assert [entry.stream for entry in await one.take(2)] == [one.streams[0], one.streams[0], one.streams[1]]
    assert await one.take(2) == []


async def test_jobs_that_were_there_before_the_group_are_taken(
    asking: GatewayStreams, other: WorkerStreams
) -> None:
    await submit(asking, 1)
    assert await other.take(1) == []  # makes the group
    assert len(await other.take(1)) == 1


async def test_claims_to_the_end_what_others_let_lie(
    asking: GatewayStreams, one: WorkerStreams, other: WorkerStreams
) -> None:
    await submit(asking, 25)
    held = await one.take(25)
    assert await other.claim(60_000, 100) == []
    claimed = await other.claim(0, 10)
    claimed += await other.claim(0, 100)
    assert {entry.id for entry in claimed} == {entry.id for entry in held}
    assert {entry.deliveries for entry in claimed} == {2, 3}


async def test_renewing_keeps_only_what_is_ones_own(
    asking: GatewayStreams, one: WorkerStreams, other: WorkerStreams
) -> None:
    await submit(asking, 2)
    [first, second] = await one.take(2)
    await one.hand_back([first, second])
    [claimed] = await other.claim(60_000, 1)
    await one.renew([first, second])
    assert claimed.id == first.id
    assert await other.claim(60_000, 9) == []
    assert await other.publish(first, "g", ANSWER)


async def test_the_faster_of_two_is_believed(
    asking: GatewayStreams, one: WorkerStreams, other: WorkerStreams
) -> None:
    await submit(asking, 1)
    [entry] = await one.take(1)
    await other.claim(0, 1)
    assert await one.publish(entry, "g", ANSWER)
    assert not await other.publish(entry, "g", ANSWER)
    _, answers = await asking.answers(BEGINNING)
    assert answers == [ANSWER]


async def test_an_answer_is_not_lost_for_want_of_memory(
    asking: GatewayStreams, one: WorkerStreams, redis_server: RedisServer
) -> None:
    await submit(asking, 1)
    [entry] = await one.take(1)
    redis_server.command("config", "set", "maxmemory", "1")
    assert await one.publish(entry, "g", ANSWER)
    _, answers = await asking.answers(BEGINNING)
    assert answers == [ANSWER]


async def test_leaves_the_group_unless_it_holds_something(asking: GatewayStreams, one: WorkerStreams) -> None:
    await submit(asking, 1)
    [entry] = await one.take(1)
    assert not await one.leave()
    await one.publish(entry, "g", None)
    assert await one.leave()


async def test_the_dead_are_forgotten_when_long_silent(
    asking: GatewayStreams,
    one: WorkerStreams,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await submit(asking, 1)
    [entry] = await one.take(1)
    await one.publish(entry, "g", None)
    assert await one.forget_the_dead() == 0
    monkeypatch.setattr("voicegw.cluster.taking._CONSUMER_FORGOTTEN_MS", -1)
    assert await one.forget_the_dead() == 1
    assert redis_server.command("xinfo", "consumers", one.streams[0], "workers").strip() == ""


async def test_a_redis_that_is_too_old_is_refused(
    one: WorkerStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.check()
    monkeypatch.setattr("voicegw.cluster.taking._OLDEST_REDIS", 99)
    with pytest.raises(ConfigurationError, match=r"Redis 99.0 or newer is needed, not \d+\.\d+"):
        await one.check()
