"""The loop of a consumer: reads a group's entries, has each processed by a handler in a task of its own,
renews their leases, and claims those of lost consumers.

It reads no more than its handler has room for, so that what waits stays in Redis, where any consumer can
read it. The streams may be spread over several shards, with a reader each. While entries wait, they are taken
from all shards in order of rank, and within a rank by lot, in proportion to what waits. When none wait, one
read for each shard blocks; these reads are ended as soon as there is no room. A shard that does not answer
holds up no other.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from voicegw.cluster.redis.group_reader import Entry, GroupReader
from voicegw.cluster.redis.monitor import REDIS_ERRORS

log = structlog.get_logger(__name__)

_ROOM_POLL_S = 0.05  # how soon a change of capacity is noticed
_AFTER_READ_S = 0.001  # entries reach their processes before the next read is sent
_LAST_READ_S = 0.7  # beyond the time that a read blocks
_RENEWALS = 5  # in the time of a lease
_AMPLE_ROOM = 8  # entries for each shard; then the order in which they are taken does not matter
_AFTER_FAULT_S = 1.0
_ANSWER_S = 0.5  # a shard that needs longer to say what waits is not waited for


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


@dataclass(slots=True)
class _Held:
    """An entry that is being processed, the reader that brought it, and the monotonic time of its begin."""

    entry: Entry
    reader: GroupReader
    task: asyncio.Task[None]
    since: float


@dataclass(slots=True)
class _Feed:
    """The tasks of a reader. blocked: it waits for entries, since it had none; unblocking: ends this wait."""

    leases: asyncio.Task[None]
    blocked: asyncio.Task[None] | None = None
    unblocking: asyncio.Task[None] | None = None


class GroupWorker:
    """Works from `run` until `stop`. A handler that fails costs its entry only, which is claimed again."""

    def __init__(self, handler: EntryHandler, lease_ms: int) -> None:
        self._handler = handler
        self._lease_ms = lease_ms
        self._feeds: dict[GroupReader, _Feed] = {}
        self._held: dict[tuple[str, str], _Held] = {}
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()  # there is room, or a reader has ended its wait
        self._group = asyncio.TaskGroup()

    @property
    def held(self) -> list[Entry]:
        """The entries that are being processed."""
        return [held.entry for held in self._held.values()]

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Reads no more, so that `run` ends."""
        self._stopping.set()
        self._changed.set()

    async def run(self, readers: Iterable[GroupReader], drain_timeout_ms: int) -> list[Entry]:
        """Works until `stop`, and then until its entries are processed or the time has passed; returns the
        others."""
        async with self._group:
            for reader in readers:
                self.add(reader)
            reading = self._group.create_task(self._read_until_stopped(), name="reading")
            await self._stopping.wait()
            await self._drain(reading, drain_timeout_ms / 1000)
            unfinished = self.held
            reading.cancel()
            for reader in tuple(self._feeds):
                self.discard(reader)
            for task in self._tasks():
                task.cancel()
        return unfinished

    def add(self, reader: GroupReader) -> None:
        """Adds a reader while `run` works."""
        leases = self._group.create_task(reader.monitor.repeat(lambda: self._keep_leases(reader)))
        self._feeds[reader] = _Feed(leases)
        self._changed.set()

    def discard(self, reader: GroupReader) -> None:
        """Removes a reader. Its entries are processed, but their leases are not renewed."""
        feed = self._feeds.pop(reader)
        for task in (feed.leases, feed.blocked, feed.unblocking):
            if task is not None:
                task.cancel()

    async def _drain(self, reading: asyncio.Task[None], timeout_s: float) -> None:
        """Waits for the last reads, since their entries would be lost if they were cancelled, and then for
        the tasks."""
        deadline = time.monotonic() + timeout_s
        self._unblock()
        blocked = [feed.blocked for feed in self._feeds.values() if feed.blocked is not None]
        await asyncio.wait((reading, *blocked), timeout=max(timeout_s, _LAST_READ_S))
        while (tasks := self._tasks()) and (left_s := deadline - time.monotonic()) > 0:
            await asyncio.wait(tasks, timeout=left_s)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [held.task for held in self._held.values()]

    def _room(self) -> int:
        """How many entries can be taken. Those of a shard that does not answer cannot be finished, and do not
        count."""
        working = sum(not held.reader.monitor.down_s() for held in self._held.values())
        return self._handler.capacity - working

    # --- reading ---

    async def _read_until_stopped(self) -> None:
        while not self.stopping:
            try:
                await self._read()
            except Exception:  # nothing would start the loop again
                log.exception("entries not read")
                await asyncio.sleep(_AFTER_FAULT_S)

    async def _read(self) -> None:
        self._changed.clear()
        idle = [reader for reader, feed in self._feeds.items() if feed.blocked is None]
        if self._room() <= 0:
            self._unblock()
        elif idle:
            if await self._take(idle):
                await asyncio.sleep(_AFTER_READ_S)
                return
            for reader in idle:
                self._block(reader)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ROOM_POLL_S):
                await self._changed.wait()

    async def _take(self, readers: list[GroupReader]) -> bool:
        """Takes waiting entries, as far as there is room; False when none wait."""
        counts = await asyncio.gather(*map(self._waiting, readers))
        for rank in range(max(len(reader.group.ranks) for reader in readers)):
            waiting = {
                (reader, stream): count[stream]
                for reader, count in zip(readers, counts, strict=True)
                for stream in reader.group.ranks[rank]
                if count.get(stream)
            }
            if (size := min(sum(waiting.values()), self._room())) > 0:
                chosen = random.sample(list(waiting), size, counts=list(waiting.values()))
                await asyncio.gather(*(self._begin_new(*each, n) for each, n in Counter(chosen).items()))
        return any(any(count.values()) for count in counts)

    async def _waiting(self, reader: GroupReader) -> dict[str, int]:
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await reader.waiting()
        except REDIS_ERRORS as error:
            reader.monitor.failed(error)
            return {}

    async def _begin_new(self, reader: GroupReader, stream: str, count: int) -> None:
        try:
            async with asyncio.timeout(_ANSWER_S):
                self._begin(reader, await reader.take(stream, count))
        except REDIS_ERRORS as error:
            reader.monitor.failed(error)

    def _block(self, reader: GroupReader) -> None:
        if (feed := self._feeds.get(reader)) is not None and feed.blocked is None:
            feed.blocked = self._group.create_task(self._wait(reader, feed), name="waiting for entries")

    async def _wait(self, reader: GroupReader, feed: _Feed) -> None:
        """Waits for the next entry while there is room; retries while the shard does not answer."""
        try:
            while not self.stopping and (self._room() > 0 or reader.monitor.down_s()):
                entries = await reader.monitor.retry(lambda: reader.read(1))
                reader.monitor.succeeded()
                self._begin(reader, entries)
                if entries and self._room() < _AMPLE_ROOM * len(self._feeds):
                    return  # what else waits is taken in order of rank
        except Exception:
            log.exception("entries not read")
            await asyncio.sleep(_AFTER_FAULT_S)
        finally:
            feed.blocked = None
            self._changed.set()

    def _unblock(self) -> None:
        """Ends the blocked reads, so that other consumers get the next entries."""
        for reader, feed in self._feeds.items():
            if feed.blocked is not None and feed.unblocking is None and not reader.monitor.down_s():
                feed.unblocking = self._group.create_task(self._end_wait(reader, feed))

    async def _end_wait(self, reader: GroupReader, feed: _Feed) -> None:
        """Ends a blocked read. Where Redis does not permit the command, the read ends by itself."""
        with suppress(*REDIS_ERRORS):
            await reader.unblock()
        await asyncio.sleep(_ROOM_POLL_S)
        feed.unblocking = None

    async def _keep_leases(self, reader: GroupReader) -> None:
        pause_s = self._lease_ms / 1000 / _RENEWALS
        await asyncio.sleep(pause_s)
        held = [each for each in self._held.values() if each.reader is reader]
        due = [each.entry for each in held if time.monotonic() - each.since >= pause_s]
        if self._handler.capacity > 0:
            await reader.renew(due)
        else:
            await reader.release(due)
        count = max(self._room(), self._handler.min_claims)
        if count > 0 and not self.stopping:
            if reader.monitor.up_s() >= self._lease_ms / 1000:
                claimed = await reader.claim(self._lease_ms, count)
            else:
                # While Redis was away, consumers that still work could not renew their leases. It may have
                # been away until this one started.
                claimed = await reader.claim_released(count)
            self._begin(reader, claimed)
        if due or count > 0:
            reader.monitor.succeeded()

    # --- processing ---

    def _begin(self, reader: GroupReader, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.key not in self._held:  # it may have claimed its own, when it was slow to renew
                task = self._group.create_task(self._process(entry), name=f"entry {entry.id}")
                self._held[entry.key] = _Held(entry, reader, task, time.monotonic())

    async def _process(self, entry: Entry) -> None:
        try:
            await self._handler.handle(entry)
        except Exception:
            log.exception("an entry was not processed", stream=entry.stream, entry=entry.id)
        finally:
            del self._held[entry.key]
            self._changed.set()
