"""A seeded dose of lost primaries of a Redis Cluster; `scripts/bench chaos faults --cluster` runs many."""

from random import Random

from benchmarks.chaos import faults
from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import JobLoad, gateways
from benchmarks.chaos.runs import one_run
from benchmarks.chaos.sessions import SessionLoad
from tests.benchmarks.chaos.test_gateways import assert_nothing_lost
from tests.speech import single_utterances


async def test_the_loss_of_a_primary_costs_no_job_no_sample_and_no_word() -> None:
    async with (
        installation(workers=1, gateways=1, cluster=True) as there,
        gateways(there.redis_url, 1) as recognizers,
    ):
        jobs = JobLoad(recognizers, single_utterances()[:2], speakers=2)
        sessions = SessionLoad(await there.add_relays(), single_utterances()[:2], speakers=2)
        await jobs.learn()
        await sessions.learn()
        run = await one_run(there, jobs, "primary_killed", faults.primary_killed, Random(5))
        assert run.counts["jobs"] > 0
        assert run.counts["lost_jobs"] == 0
        assert_nothing_lost(
            await one_run(there, sessions, "primary_killed", faults.primary_killed, Random(6))
        )
