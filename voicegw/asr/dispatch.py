"""Gives batches of queued jobs to the workers of recognition processes.

A job whose process was lost is decoded again alone: no other worker of its process decodes meanwhile. So the
job that kills processes is found, and no other job is given up with it.

Background jobs are in progress in at most half of the workers, so that jobs of conversations rarely wait
for one.

Where batches get more done than decodes side by side, as on a GPU (calibration.py), a free worker of a
process that decodes lets jobs gather: until the batch is full, the process is idle, or the time for it is
over. A job at an idle process never waits.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic

from voicegw.asr.batcher import Entry, JobQueue, Request
from voicegw.asr.process import WorkerProcess


@dataclass(slots=True)
class Place:
    """A warm process: how many batches it decodes now, and whether one of them must be alone. gathers_until:
    when the next batch is taken even if it is not full, on the loop's clock; None when none gathers."""

    process: WorkerProcess
    batches: int = 0
    reserved: bool = False
    gathers_until: float | None = None


class Dispatcher(Generic[Request]):
    """See the module. batch: how many jobs are decoded together at most. gather_s: how long a batch may
    gather; 0 for not at all. workers: how many are warm."""

    def __init__(self) -> None:
        self.queue: JobQueue[Request] = JobQueue()
        self.batch = 1
        self.gather_s = 0.0
        self.workers = 0
        self._background = 0  # batches in progress
        self._changed = asyncio.Condition()

    async def add(self, entry: Entry[Request]) -> Entry[Request] | None:
        """Queues a job. Returns the one that is no longer needed, if there is one."""
        async with self._changed:
            superseded = self.queue.add(entry)
            self._changed.notify_all()
            return superseded

    async def next(self, place: Place) -> list[Entry[Request]]:
        """The next batch for a worker of the process; none if the process dies first. The caller reports the
        end of each batch by `done`."""
        batch = asyncio.create_task(self._take(place), name="next-batch")
        death = asyncio.create_task(place.process.death(), name="process-death")
        try:
            await asyncio.wait((batch, death), return_when=asyncio.FIRST_COMPLETED)
            return batch.result() if batch.done() else []
        finally:
            for task in (batch, death):
                task.cancel()
            await asyncio.gather(batch, death, return_exceptions=True)

    async def _take(self, place: Place) -> list[Entry[Request]]:
        async with self._changed:
            while not (batch := self._next_batch(place)):
                await self._change(place.gathers_until)
            for entry in batch:
                self.queue.remove(entry.job)
            place.gathers_until = None
            place.batches += 1
            place.reserved = batch[0].alone
            self._background += batch[0].job.background
            return batch

    async def _change(self, until: float | None) -> None:
        """Waits for a change, at most until then."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._changed.wait()

    def _next_batch(self, place: Place) -> list[Entry[Request]]:
        """What a worker of the process is to take now."""
        if not self._may_take(place):
            place.gathers_until = None  # a time that is over would end each wait for a change at once
            return []
        has_room = self._background < max(1, self.workers // 2)
        batch = self.queue.next(self.batch, background=has_room)
        return [] if self._gathers(place, batch) else batch

    def _gathers(self, place: Place, batch: Sequence[Entry[Request]]) -> bool:
        """Whether the batch waits for more jobs."""
        pays = self.gather_s > 0 and place.batches > 0 and 0 < len(batch) < self.batch
        if not pays or batch[0].job.background:
            place.gathers_until = None
            return False
        now = asyncio.get_running_loop().time()
        if place.gathers_until is None:
            place.gathers_until = now + self.gather_s
        return now < place.gathers_until

    def _may_take(self, place: Place) -> bool:
        first = self.queue.first
        has_to_wait = first is not None and first.alone and place.batches > 0
        return not (place.process.lost or place.reserved or has_to_wait)

    async def done(self, place: Place, batch: Sequence[Entry[Request]]) -> None:
        """This batch of the process has ended, with or without a result."""
        async with self._changed:
            self._background -= batch[0].job.background
            place.batches -= 1
            place.reserved = False
            self._changed.notify_all()
