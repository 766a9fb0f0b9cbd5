"""A seeded dose of faults over real processes; `scripts/bench chaos` runs hundreds."""

from random import Random

from benchmarks.chaos import faults
from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import JobLoad, gateways
from benchmarks.chaos.runs import Run, one_run
from tests.observing import until
from tests.speech import single_utterances

DOSE = (faults.worker_killed, faults.worker_paused, faults.redis_restarted)


def assert_nothing_lost(run: Run) -> None:
    assert run.counts["jobs"] > 0, run
    assert (run.counts["lost_jobs"], run.counts["wrong_jobs"]) == (0, 0), run
    assert max(run.recovery_s) < 20, run


async def test_no_job_is_lost_or_wrong_by_any_fault() -> None:
    async with installation(workers=2) as there, gateways(there.redis.url, 2) as recognizers:
        await until(lambda: all(each.ready for each in recognizers))
        load = JobLoad(recognizers, single_utterances()[:2], speakers=4)
        await load.learn()
        for fault in DOSE:
            assert_nothing_lost(await one_run(there, load, fault.__name__, fault, Random(7)))
