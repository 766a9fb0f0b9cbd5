"""The loop of a consumer: reads a group's entries, has each processed by a handler in a task of its own,
renews their leases, and claims those of lost consumers.

It reads no more than its handler has room for, so that what waits stays in Redis, where any consumer can
read it.
"""

import asyncio
import time
from contextlib import suppress
from typing import Protocol

import structlog

from voicegw.cluster.redis.group_reader import Entry, GroupReader
from voicegw.cluster.redis.monitor import ConnectionMonitor

log = structlog.get_logger(__name__)

_ROOM_POLL_S = 0.05  # how soon a change of capacity is noticed
_AFTER_READ_S = 0.001  # entries reach their processes before the next read is sent
_LAST_READ_S = 0.3  # beyond the time that a read blocks
_RENEWALS = 5  # in the time of a lease


class EntryHandler(Protocol):
    """Processes entries."""

    @property
    def capacity(self) -> int:
        """How many entries it can process at once; while it is 0, other consumers may claim those it has."""
        ...

    @property
    def min_claims(self) -> int:
        """How many entries of lost consumers it takes at once even when it has no room."""
        ...

    async def handle(self, entry: Entry) -> None:
        """Processes and acknowledges an entry. An entry with more than one delivery was claimed from a lost
        consumer. Cancelled when the consumer leaves before it is done."""
        ...


class GroupWorker:
    """Works from `run` until `stop`. A handler that fails costs its entry only, which is claimed again."""

    def __init__(
        self, reader: GroupReader, handler: EntryHandler, monitor: ConnectionMonitor, lease_ms: int
    ) -> None:
        self._reader = reader
        self._handler = handler
        self._monitor = monitor
        self._lease_ms = lease_ms
        self._held: dict[tuple[str, str], tuple[Entry, asyncio.Task[None]]] = {}
        self._stopping = asyncio.Event()
        self._room_made = asyncio.Event()
        self._group = asyncio.TaskGroup()

    @property
    def held(self) -> list[Entry]:
        """The entries that are being processed."""
        return [entry for entry, _ in self._held.values()]

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Reads no more, so that `run` ends."""
        self._stopping.set()
        self._room_made.set()

    async def run(self, drain_timeout_ms: int) -> list[Entry]:
        """Works until `stop`, and then until its entries are processed or the time has passed; returns the
        others."""
        async with self._group:
            reading = self._group.create_task(self._monitor.repeat(self._read, self._stopping))
            leases = self._group.create_task(self._monitor.repeat(self._keep_leases))
            await self._stopping.wait()
            await self._drain(reading, drain_timeout_ms / 1000)
            unfinished = self.held
            for task in (reading, leases, *self._tasks()):
                task.cancel()
        return unfinished

    async def _drain(self, reading: asyncio.Task[None], timeout_s: float) -> None:
        """Waits for the last read, since its entries would be lost if it were cancelled, and then for the
        tasks."""
        deadline = time.monotonic() + timeout_s
        await asyncio.wait((reading,), timeout=max(timeout_s, _LAST_READ_S))
        while (tasks := self._tasks()) and (left_s := deadline - time.monotonic()) > 0:
            await asyncio.wait(tasks, timeout=left_s)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for _, task in self._held.values()]

    def _room(self) -> int:
        return self._handler.capacity - len(self._held)

    async def _read(self) -> None:
        room = self._room()
        if room <= 0:
            self._room_made.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_ROOM_POLL_S):
                    await self._room_made.wait()
            return
        if entries := await self._reader.read(room):
            self._begin(entries)
            await asyncio.sleep(_AFTER_READ_S)

    async def _keep_leases(self) -> None:
        await asyncio.sleep(self._lease_ms / 1000 / _RENEWALS)
        if self._handler.capacity > 0:
            await self._reader.renew(self.held)
        else:
            await self._reader.release(self.held)
        count = max(self._room(), self._handler.min_claims)
        if count > 0 and not self.stopping:
            self._begin(await self._reader.claim(self._lease_ms, count))

    def _begin(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.key not in self._held:  # it may have claimed its own, when it was slow to renew
                task = self._group.create_task(self._process(entry), name=f"entry {entry.id}")
                self._held[entry.key] = entry, task

    async def _process(self, entry: Entry) -> None:
        try:
            await self._handler.handle(entry)
        except Exception:
            log.exception("an entry was not processed", stream=entry.stream, entry=entry.id)
        finally:
            del self._held[entry.key]
            self._room_made.set()
