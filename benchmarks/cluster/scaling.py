"""The jobs per second of one worker and of two, with a queue that is never empty."""

import asyncio
import time
from collections.abc import Iterator

import msgspec

from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import gateways
from benchmarks.cluster.hop import windows_of_all_lengths
from tests.observing import until
from voicegw.core.jobs import DecodeJob
from voicegw.core.recognizer import Recognizer

WAITING = 8  # pending jobs at any time
WARM_UP_S = 1.0


async def jobs_per_second(workers: int, seconds: float) -> float:
    """Of `workers` workers of one process each."""
    async with installation(workers) as there, gateways(there.redis.url, 1) as [remote]:
        await until(lambda: remote.ready)
        load = _Load(remote)
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(load.ask(number)) for number in range(WAITING)]
            await asyncio.sleep(WARM_UP_S)
            before, since = load.done, time.monotonic()
            await asyncio.sleep(seconds)
            done = (load.done - before) / (time.monotonic() - since)
            for task in asking:
                task.cancel()
    return done


class _Load:
    """An endless supply of jobs; `done` counts the answers."""

    def __init__(self, recognizer: Recognizer) -> None:
        self.done = 0
        self._recognizer = recognizer
        self._jobs = self._endless()

    def _endless(self) -> Iterator[DecodeJob]:
        windows, number = windows_of_all_lengths(WAITING), 0
        while True:
            number += 1
            yield msgspec.structs.replace(windows[number % WAITING], number=number)

    async def ask(self, speaker: int) -> None:
        """Requests one job after another."""
        while True:
            await self._recognizer.decode(
                msgspec.structs.replace(next(self._jobs), session=f"speaker {speaker}")
            )
            self.done += 1
