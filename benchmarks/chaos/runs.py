"""The seeded schedule: one fault a run, at a moment that the run's own random numbers choose."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from benchmarks.chaos.faults import Fault
from benchmarks.chaos.installation import Installation

SETTLE_S = 1.0  # after a fault has been mended


class Account(Protocol):
    """What became of the work of a run."""

    def recovery_s(self, since: float) -> list[float]:
        """For each speaker who was concerned, the time from the fault until they were heard again."""
        ...

    def counts(self) -> dict[str, int]:
        """What there was, and what was lost of it, by name."""
        ...


class Load(Protocol):
    """Work that goes on while something fails."""

    def moment_s(self, random: Random) -> float:
        """How far into the work something is to fail."""
        ...

    def running(self) -> AbstractAsyncContextManager[Account]:
        """The work goes on while the block runs, and is all done when it has been left."""
        ...


@dataclass(frozen=True)
class Run:
    """One fault and what it cost. `recovery_s`: until speakers were heard again; `counts`: of the account."""

    fault: str
    recovery_s: tuple[float, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


async def runs(
    there: Installation, load: Load, faults: Mapping[str, Fault], count: int, seed: int
) -> AsyncIterator[Run]:
    """One after the other, on the same installation; run k of a seed is always the same."""
    for number in range(count):
        random = Random(f"{seed}/{number}")
        name = random.choice(sorted(faults))
        yield await one_run(there, load, name, faults[name], random)


async def one_run(there: Installation, load: Load, name: str, fault: Fault, random: Random) -> Run:
    """A fault in the middle of the work, and what became of every job."""
    async with load.running() as account:
        await asyncio.sleep(load.moment_s(random))
        since = time.monotonic()
        await fault(there, random)
        await asyncio.sleep(SETTLE_S)
    return Run(name, tuple(account.recovery_s(since)), account.counts())
