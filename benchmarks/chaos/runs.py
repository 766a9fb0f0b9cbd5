"""The seeded schedule: one fault a run, at a moment that the run's own random numbers choose."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from random import Random

from benchmarks.chaos.faults import Fault
from benchmarks.chaos.installation import Installation
from benchmarks.chaos.load import JobLoad

SETTLE_S = 1.0  # after a fault has been mended


@dataclass(frozen=True)
class Run:
    """One fault and what it cost. `recovery_s`: from the fault to the next answer, for each speaker;
    `asked`, `lost`, `wrong`: jobs."""

    fault: str
    recovery_s: tuple[float, ...]
    asked: int
    lost: int
    wrong: int


async def runs(
    there: Installation, load: JobLoad, faults: Mapping[str, Fault], count: int, seed: int
) -> AsyncIterator[Run]:
    """One after the other, on the same installation; run k of a seed is always the same."""
    for number in range(count):
        random = Random(f"{seed}/{number}")
        name = random.choice(sorted(faults))
        yield await one_run(there, load, name, faults[name], random)


async def one_run(there: Installation, load: JobLoad, name: str, fault: Fault, random: Random) -> Run:
    """A fault in the middle of the work, and what became of every job."""
    async with load.running() as account:
        await asyncio.sleep(random.uniform(0.5, 1.5))
        since = time.monotonic()
        await fault(there, random)
        await asyncio.sleep(SETTLE_S)
    return Run(name, tuple(account.recovery_s(since)), account.asked, account.lost, account.wrong)
