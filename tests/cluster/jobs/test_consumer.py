"""What a worker may do with jobs, over a real Redis; whole workers are in test_worker.py."""

from collections.abc import AsyncIterator

import pytest

from tests.cluster.harness import PARTIAL, job, redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.consumer import JobConsumer
from voicegw.cluster.jobs.job_messages import Answer, Outcome, Submission
from voicegw.cluster.jobs.producer import BEGINNING, JobProducer
from voicegw.errors import ConfigurationError

ANSWER = Answer(1, Outcome.SUPERSEDED)


@pytest.fixture
async def asking(redis_url: str) -> AsyncIterator[JobProducer]:
    streams = JobProducer(redis_options(redis_url), "g")
    yield streams
    await streams.close()


@pytest.fixture
async def one(redis_url: str) -> AsyncIterator[JobConsumer]:
    streams = JobConsumer(redis_options(redis_url), "one")
    await streams.reader.create_group()
    yield streams
    await streams.close()


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[JobConsumer]:
    streams = JobConsumer(redis_options(redis_url), "other")
    yield streams
    await streams.close()


async def submit(asking: JobProducer, count: int) -> None:
    for request in range(count):
        await asking.submit(Submission("g", request, job()))


async def test_finals_come_before_partials(asking: JobProducer, one: JobConsumer) -> None:
    await asking.submit(Submission("g", 1, job(kind=PARTIAL)))
    await submit(asking, 2)
    finals, partials = one.reader.group.streams
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
    _, answers = await asking.read_answers(BEGINNING)
    assert answers == [ANSWER]


async def test_an_answer_is_not_lost_for_want_of_memory(
    asking: JobProducer, one: JobConsumer, redis_server: RedisServer
) -> None:
    await submit(asking, 1)
    [entry] = await one.reader.read(1)
    redis_server.command("config", "set", "maxmemory", "1")
    assert await one.publish(entry, "g", ANSWER)
    _, answers = await asking.read_answers(BEGINNING)
    assert answers == [ANSWER]


async def test_a_redis_that_is_too_old_is_refused(one: JobConsumer, monkeypatch: pytest.MonkeyPatch) -> None:
    await one.check_version()
    monkeypatch.setattr("voicegw.cluster.jobs.consumer._OLDEST_REDIS", 99)
    with pytest.raises(ConfigurationError, match=r"Redis 99.0 or newer is needed, not \d+\.\d+"):
        await one.check_version()
