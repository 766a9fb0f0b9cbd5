"""What a worker may do with jobs, over a real Redis; whole workers are in test_worker.py."""

from collections.abc import AsyncIterator

import pytest

from tests.cluster.harness import PARTIAL, job, monitor, only_shard, redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.consumer import JobConsumer
from voicegw.cluster.jobs.job_messages import Answer, Outcome, Submission
from voicegw.cluster.jobs.producer import JobProducer

ANSWER = Answer(1, Outcome.SUPERSEDED)


@pytest.fixture
async def asking(redis_url: str) -> AsyncIterator[JobProducer]:
    streams = JobProducer(redis_options(redis_url), only_shard(), "g", monitor())
    yield streams
    await streams.close()


@pytest.fixture
async def one(redis_url: str) -> AsyncIterator[JobConsumer]:
    streams = JobConsumer(redis_options(redis_url), only_shard(), "one", monitor())
    await streams.reader.create_group()
    yield streams
    await streams.close()


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[JobConsumer]:
    streams = JobConsumer(redis_options(redis_url), only_shard(), "other", monitor())
    yield streams
    await streams.close()


async def submit(asking: JobProducer, count: int) -> None:
    for request in range(count):
        await asking.submit(Submission("g", request, job()))


async def test_finals_come_before_partials(asking: JobProducer, one: JobConsumer) -> None:
    await asking.submit(Submission("g", 1, job(kind=PARTIAL)))
    await submit(asking, 2)
    finals, partials = only_shard().finals, only_shard().partials
    assert [entry.stream for entry in await one.reader.read(2)] == [finals, finals, partials]
    assert await one.reader.read(2) == []


async def test_the_faster_of_two_is_believed(
    asking: JobProducer, one: JobConsumer, other: JobConsumer
) -> None:
    await submit(asking, 1)
    [entry] = await one.reader.read(1)
    await other.reader.claim(0, 1)
    assert await one.publish(entry, "g", ANSWER)
    assert not await other.publish(entry, "g", ANSWER)
    assert await asking.read_answers() == [ANSWER]


async def test_an_answer_is_not_lost_for_want_of_memory(
    asking: JobProducer, one: JobConsumer, redis_server: RedisServer
) -> None:
    await submit(asking, 1)
    [entry] = await one.reader.read(1)
    redis_server.command("config", "set", "maxmemory", "1")
    assert await one.publish(entry, "g", ANSWER)
    assert await asking.read_answers() == [ANSWER]


@pytest.mark.parametrize("dead", ["", "a reason"])
async def test_keys_that_hold_something_else_keep_no_job(
    asking: JobProducer, one: JobConsumer, redis_server: RedisServer, dead: str
) -> None:
    await submit(asking, 1)
    [entry] = await one.reader.read(1)
    keys = only_shard()
    for key in (keys.results("g"), keys.dead_jobs):
        redis_server.command("set", key, "x")
    assert await one.publish(entry, "g", ANSWER, dead)
    assert await asking.read_answers() == [ANSWER]
    assert redis_server.command("type", keys.dead_jobs).strip() == ("stream" if dead else "string")
