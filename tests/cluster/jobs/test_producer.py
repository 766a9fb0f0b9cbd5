"""The two sides of the streams, face to face over a real Redis."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.cluster.harness import FINAL, PARTIAL, job, lost_worker, monitor, only_shard, redis_options
from tests.redis_server import RedisServer
from voicegw.cluster.jobs.job_messages import Answer, Outcome, Submission
from voicegw.cluster.jobs.producer import JobProducer

RESULTS = "{voicegw:work}:results:g"


@pytest.fixture
async def asking(redis_url: str) -> AsyncIterator[JobProducer]:
    streams = JobProducer(redis_options(redis_url), only_shard(), "g", monitor())
    yield streams
    await streams.close()


def submission(request: int, **fields: object) -> Submission:
    return Submission("g", request, job(**fields))  # type: ignore[arg-type]


async def test_answers_are_read_once_and_forgotten(asking: JobProducer, redis_server: RedisServer) -> None:
    answers = [Answer(n, Outcome.SUPERSEDED) for n in range(3)]
    async with lost_worker(redis_server.url) as working:
        for n in range(3):
            await asking.submit(submission(n))
        for entry, answer in zip(await working.reader.read(3), answers, strict=True):
            assert await working.publish(entry, "g", answer)
    assert await asking.read_answers() == answers
    await asking.trim_answers()
    assert redis_server.command("xlen", RESULTS).strip() == "1"  # the last one, where reading goes on
    assert await asking.read_answers() == []


async def test_an_answer_of_another_make_is_skipped(asking: JobProducer, redis_server: RedisServer) -> None:
    redis_server.command("xadd", RESULTS, "*", "answer", "nonsense")
    assert await asking.read_answers() == []


async def test_a_job_may_be_withdrawn_until_a_worker_has_it(asking: JobProducer, redis_url: str) -> None:
    first = await asking.submit(submission(1))
    assert await asking.withdraw(first)
    assert not await asking.withdraw(first)
    second = await asking.submit(submission(2))
    async with lost_worker(redis_url) as working:
        assert [entry.id for entry in await working.reader.read(9)] == [second.entry]
        assert not await asking.withdraw(second)


async def test_a_background_job_comes_after_the_others(asking: JobProducer, redis_url: str) -> None:
    background = msgspec.structs.replace(job(kind=FINAL), background=True)
    recording = await asking.submit(Submission("g", 1, background))
    final = await asking.submit(submission(2, kind=FINAL))
    assert await asking.missing(only_shard().partials, [recording.entry]) == set()
    async with lost_worker(redis_url) as working:
        assert [entry.id for entry in await working.reader.read(9)] == [final.entry, recording.entry]


async def test_which_jobs_are_missing(asking: JobProducer) -> None:
    there = await asking.submit(submission(1, kind=PARTIAL))
    assert await asking.missing(there.stream, [there.entry, "1-1"]) == {"1-1"}
    assert await asking.missing(only_shard().finals, [there.entry]) == {there.entry}


async def test_leaves_nothing(asking: JobProducer, redis_server: RedisServer) -> None:
    redis_server.command("xadd", RESULTS, "*", "answer", "x")
    await asking.delete_answers()
    assert redis_server.command("keys", "*").strip() == ""
