"""The seeded schedule: one fault in each run, at a random moment."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from benchmarks.chaos.faults import Fault
from benchmarks.chaos.installation import Installation

SETTLE_S = 1.0  # after a fault has been repaired


class Outcome(Protocol):
    """The outcome of the work of a run."""

    def recovery_s(self, since: float) -> list[float]:
        """For each affected speaker, the time from the fault to the next recognised words."""
        ...

    def counts(self) -> dict[str, int]:
        """The amount of work, and what was lost of it, by name."""
        ...


class Load(Protocol):
    """Work during a fault."""

    def moment_s(self, random: Random) -> float:
        """The time from the start of the work to the fault."""
        ...

    def running(self) -> AbstractAsyncContextManager[Outcome]:
        """Works during the block; all work is finished after it."""
        ...


@dataclass(frozen=True)
class Run:
    """One fault and its cost. recovery_s: until the next recognised words; counts: of the outcome."""

    fault: str
    recovery_s: tuple[float, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


async def runs(
    there: Installation, load: Load, faults: Mapping[str, Fault], count: int, seed: int
) -> AsyncIterator[Run]:
    """One run after another on the same installation; run k of a seed is always the same."""
    for number in range(count):
        random = Random(f"{seed}/{number}")
        name = random.choice(sorted(faults))
        yield await one_run(there, load, name, faults[name], random)


async def one_run(there: Installation, load: Load, name: str, fault: Fault, random: Random) -> Run:
    """A fault during the work, and the outcome of every job."""
    async with load.running() as outcome:
        await asyncio.sleep(load.moment_s(random))
        since = time.monotonic()
        await fault(there, random)
        await asyncio.sleep(SETTLE_S)
    return Run(name, tuple(outcome.recovery_s(since)), outcome.counts())
