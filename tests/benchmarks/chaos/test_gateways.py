"""A seeded dose of faults of gateways and clients, over real processes; `scripts/bench chaos` runs many."""

from random import Random

from benchmarks.chaos import faults
from benchmarks.chaos.installation import installation
from benchmarks.chaos.runs import Run, one_run
from benchmarks.chaos.sessions import SessionLoad
from tests.speech import single_utterances

DOSE = (faults.gateway_killed, faults.clients_cut)
NEVER = (
    *("lost_samples", "doubled_samples", "lost_words", "doubled_words"),
    *("failed_sessions", "unresumed_sessions"),
)


def assert_nothing_lost(run: Run) -> None:
    assert run.counts["sessions"] > 0, run
    assert {name: run.counts[name] for name in NEVER} == dict.fromkeys(NEVER, 0), run


async def test_sessions_continue_at_another_gateway_without_lost_words() -> None:
    async with installation(workers=1, gateways=2) as there:
        load = SessionLoad(await there.add_relays(), single_utterances()[:2], speakers=2)
        await load.learn()
        for fault in DOSE:
            assert_nothing_lost(await one_run(there, load, fault.__name__, fault, Random(5)))
