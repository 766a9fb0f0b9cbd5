"""The registry of gateways and workers: each heartbeat returns which others are alive. Also
the number of jobs that wait in each shard.

Each gateway announces its shard count, the number of shards over which it spreads its jobs. Gateways may
differ in it, so that it can be changed while the installation runs: workers read the streams of all announced
counts.

All times are Redis's own, so that the clocks of the machines need not agree.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import WorkerStatus, decode_status, encode
from voicegw.cluster.redis.connect import MAX_SHARDS
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.scripts import HEARTBEAT
from voicegw.cluster_metrics import ClusterMetrics
from voicegw.errors import UndecodableMessage

WORKER_GONE_MS = 3_000
GATEWAY_GONE_MS = 10_000  # longer than Redis may be down: then all heartbeats are missing


@dataclass(frozen=True, slots=True)
class Queue:
    """One job stream, or those of several shards: how many jobs wait, how many workers hold, how long the
    oldest has waited."""

    waiting: int = 0
    held: int = 0
    oldest_ms: int = 0

    def __add__(self, other: "Queue") -> "Queue":
        oldest_ms = max(self.oldest_ms, other.oldest_ms)
        return Queue(self.waiting + other.waiting, self.held + other.held, oldest_ms)


@dataclass(frozen=True, slots=True)
class Queues:
    """The job streams of a shard, or of several."""

    finals: Queue = Queue()
    partials: Queue = Queue()

    def __add__(self, other: "Queues") -> "Queues":
        return Queues(self.finals + other.finals, self.partials + other.partials)

    def export(self, metrics: ClusterMetrics) -> None:
        """Sets the metrics of the streams."""
        for name, queue in (("finals", self.finals), ("partials", self.partials)):
            metrics.waiting.labels(name).set(queue.waiting)
            metrics.held.labels(name).set(queue.held)
            metrics.oldest.labels(name).set(queue.oldest_ms / 1000)


@dataclass(frozen=True, slots=True)
class Membership:
    """The registry at one moment: the workers that are alive, the gateways that were lost, and the shard
    counts of all gateways that are listed."""

    workers: Mapping[str, WorkerStatus]
    gone_gateways: frozenset[str]
    shard_counts: frozenset[int] = frozenset()

    def warm(self, shard_count: int | None = None) -> int:
        """How many workers can do jobs, or those that read the streams of a shard count."""
        return sum(
            status.slots > 0 and (shard_count is None or shard_count in status.shard_counts)
            for status in self.workers.values()
        )

    def export(self, metrics: ClusterMetrics) -> None:
        """Sets the metrics by which to scale the workers."""
        metrics.workers.set(self.warm())
        shares = [status.busy_share for status in self.workers.values() if status.slots]
        metrics.group_busy.set(sum(shares) / len(shares) if shares else 0.0)


class MembershipRegistry:
    """Heartbeats of one gateway or worker. Every method raises REDIS_ERRORS."""

    def __init__(self, redis: Redis, keys: Keys, name: str) -> None:
        self._redis = redis
        self._keys = keys
        self._name = name
        self._script = redis.register_script(HEARTBEAT)

    async def heartbeat_of_gateway(self, shard_count: int) -> Membership:
        """One heartbeat of a gateway."""
        keys, written = [self._keys.gateways, self._keys.workers], str(shard_count)
        now, gateways, workers = await self._script(keys=keys, args=[self._name, written])
        return _membership(int(now), workers, gateways)

    async def heartbeat_of_worker(self, status: WorkerStatus) -> Membership:
        """One heartbeat of a worker."""
        keys, written = [self._keys.workers, self._keys.gateways], encode(status)
        now, workers, gateways = await self._script(keys=keys, args=[self._name, written])
        return _membership(int(now), workers, gateways)

    async def leave(self) -> None:
        """Removes this member from the registry."""
        await self._redis.hdel(self._keys.workers, self._name)
        await self._redis.hdel(self._keys.gateways, self._name)


def queues_of(reply: Sequence[Sequence[int]]) -> Queues:
    """The answer of the script QUEUES: the finals and the partials."""
    finals, partials = (Queue(*map(int, queue)) for queue in reply)
    return Queues(finals, partials)


def _membership(now_ms: int, workers: Sequence[bytes], gateways: Sequence[bytes]) -> Membership:
    alive = {}
    for name, (age_ms, written) in _members(now_ms, workers).items():
        status = _status(written)
        if abs(age_ms) <= WORKER_GONE_MS and status is not None:
            alive[name] = status
    listed = _members(now_ms, gateways)
    gone = frozenset(name for name, (age_ms, _) in listed.items() if age_ms > GATEWAY_GONE_MS)
    return Membership(alive, gone, frozenset(_shard_count(written) for _, written in listed.values()))


def _shard_count(written: bytes) -> int:
    """What a gateway announces; versions before there were shards announce nothing."""
    with suppress(ValueError):
        if 1 <= (shard_count := int(written)) <= MAX_SHARDS:
            return shard_count
    return 1


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
