"""The registry of gateways and workers: each heartbeat returns which others are alive and how many jobs wait.

All times are Redis's own, so that the clocks of the machines need not agree.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import WorkerStatus, decode_status, encode
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.scripts import GROUP, HEARTBEAT
from voicegw.cluster_metrics import ClusterMetrics
from voicegw.errors import UndecodableMessage

WORKER_GONE_MS = 3_000
GATEWAY_GONE_MS = 10_000  # longer than Redis may be down: then all heartbeats are missing


@dataclass(frozen=True, slots=True)
class Queue:
    """One job stream: how many jobs wait, how many workers hold, how long the oldest has waited."""

    waiting: int
    held: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Membership:
    """The registry at one moment: the workers that are alive, the gateways that were lost, the streams."""

    workers: Mapping[str, WorkerStatus]
    gone_gateways: frozenset[str]
    finals: Queue
    partials: Queue

    @property
    def warm(self) -> int:
        """How many workers can do jobs."""
        return sum(status.slots > 0 for status in self.workers.values())

    def export(self, metrics: ClusterMetrics) -> None:
        """Sets the metrics by which to scale the workers."""
        for name, queue in (("finals", self.finals), ("partials", self.partials)):
            metrics.waiting.labels(name).set(queue.waiting)
            metrics.held.labels(name).set(queue.held)
            metrics.oldest.labels(name).set(queue.oldest_ms / 1000)
        metrics.workers.set(self.warm)
        shares = [status.busy_share for status in self.workers.values() if status.slots]
        metrics.group_busy.set(sum(shares) / len(shares) if shares else 0.0)


class MembershipRegistry:
    """Heartbeats of one gateway or worker. Every method raises REDIS_ERRORS."""

    def __init__(self, redis: Redis, keys: Keys, name: str) -> None:
        self._redis = redis
        self._keys = keys
        self._name = name
        self._script = redis.register_script(HEARTBEAT)

    async def heartbeat(self, status: WorkerStatus | None) -> Membership:
        """One heartbeat: as a worker with its status, as a gateway without one."""
        own, other = self._keys.workers, self._keys.gateways
        if status is None:
            own, other = other, own
        written = b"" if status is None else encode(status)
        keys = [own, other, self._keys.finals, self._keys.partials]
        now, first, second, queues = await self._script(keys=keys, args=[self._name, written, GROUP])
        workers, gateways = (first, second) if status is not None else (second, first)
        return _membership(int(now), workers, gateways, queues)

    async def leave(self) -> None:
        """Removes this member from the registry."""
        await self._redis.hdel(self._keys.workers, self._name)
        await self._redis.hdel(self._keys.gateways, self._name)


def _membership(
    now_ms: int, workers: Sequence[bytes], gateways: Sequence[bytes], queues: Sequence[Any]
) -> Membership:
    alive = {}
    for name, (age_ms, written) in _members(now_ms, workers).items():
        status = _status(written)
        if abs(age_ms) <= WORKER_GONE_MS and status is not None:
            alive[name] = status
    ages = _members(now_ms, gateways)
    gone = frozenset(name for name, (age_ms, _) in ages.items() if age_ms > GATEWAY_GONE_MS)
    finals, partials = (Queue(*map(int, queue)) for queue in queues)
    return Membership(alive, gone, finals, partials)


def _members(now_ms: int, registry: Sequence[bytes]) -> dict[str, tuple[int, bytes]]:
    """The age of each member's last heartbeat, in ms, and its status. What cannot be read is skipped; the
    heartbeats of that side delete it in time."""
    found = {}
    for name, value in zip(registry[::2], registry[1::2], strict=True):
        stamp, _, status = value.partition(b" ")
        with suppress(ValueError):
            found[name.decode()] = (now_ms - int(stamp), status)
    return found


def _status(written: bytes) -> WorkerStatus | None:
    """None for one of another version."""
    try:
        return decode_status(written)
    except UndecodableMessage:
        return None
