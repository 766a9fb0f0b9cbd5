"""Who is there: gateways and workers sign in every moment, and learn who else has, and what there is to do.

All times are Redis's own, so that the clocks of the machines need not agree.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from voicegw.cluster.keys import Keys
from voicegw.cluster.messages import WorkerStatus, decode_status, encode
from voicegw.cluster.scripts import GROUP, SIGN_IN
from voicegw.errors import MalformedMessage
from voicegw.telemetry import ClusterMetrics

WORKER_GONE_MS = 3_000
GATEWAY_GONE_MS = 10_000  # beyond what Redis may be away for: none of them can sign in then


@dataclass(frozen=True, slots=True)
class Queue:
    """One job stream: how many jobs wait, how many workers hold, how long the oldest has waited."""

    waiting: int
    held: int
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Register:
    """Who has signed in, as of now: the workers that are there, the gateways that are gone, the streams."""

    workers: Mapping[str, WorkerStatus]
    gone_gateways: frozenset[str]
    finals: Queue
    partials: Queue

    @property
    def warm(self) -> int:
        """How many workers can do jobs."""
        return sum(status.slots > 0 for status in self.workers.values())

    def show(self, metrics: ClusterMetrics) -> None:
        """What to scale the workers by."""
        for name, queue in (("finals", self.finals), ("partials", self.partials)):
            metrics.waiting.labels(name).set(queue.waiting)
            metrics.held.labels(name).set(queue.held)
            metrics.oldest.labels(name).set(queue.oldest_ms / 1000)
        metrics.workers.set(self.warm)
        shares = [status.busy_share for status in self.workers.values() if status.slots]
        metrics.group_busy.set(sum(shares) / len(shares) if shares else 0.0)


class Registrar:
    """Signs one gateway or worker in and out."""

    def __init__(self, redis: Redis, keys: Keys, name: str) -> None:
        self._redis = redis
        self._keys = keys
        self._name = name
        self._script = redis.register_script(SIGN_IN)

    async def sign_in(self, status: WorkerStatus | None) -> Register:
        """As a worker with its status, as a gateway without one. Raises what Redis does."""
        own, other = self._keys.workers, self._keys.gateways
        if status is None:
            own, other = other, own
        said = b"" if status is None else encode(status)
        keys = [own, other, self._keys.finals, self._keys.partials]
        now, first, second, queues = await self._script(keys=keys, args=[self._name, said, GROUP])
        workers, gateways = (first, second) if status is not None else (second, first)
        return _register(int(now), workers, gateways, queues)

    async def sign_out(self) -> None:
        """Raises what Redis does."""
        await self._redis.hdel(self._keys.workers, self._name)
        await self._redis.hdel(self._keys.gateways, self._name)


def _register(
    now_ms: int, workers: Sequence[bytes], gateways: Sequence[bytes], queues: Sequence[Any]
) -> Register:
    there = {}
    for name, (age_ms, said) in _signed_in(now_ms, workers).items():
        status = _status(said)
        if abs(age_ms) <= WORKER_GONE_MS and status is not None:
            there[name] = status
    ages = _signed_in(now_ms, gateways)
    gone = frozenset(name for name, (age_ms, _) in ages.items() if age_ms > GATEWAY_GONE_MS)
    finals, partials = (Queue(*map(int, queue)) for queue in queues)
    return Register(there, gone, finals, partials)


def _signed_in(now_ms: int, register: Sequence[bytes]) -> dict[str, tuple[int, bytes]]:
    """How long ago each signed in, and with what words. What cannot be read is skipped; the register's own
    side deletes it in time."""
    found = {}
    for name, value in zip(register[::2], register[1::2], strict=True):
        stamp, _, said = value.partition(b" ")
        with suppress(ValueError):
            found[name.decode()] = (now_ms - int(stamp), said)
    return found


def _status(said: bytes) -> WorkerStatus | None:
    """None from a worker of another make; it is left to those who understand it."""
    try:
        return decode_status(said)
    except MalformedMessage:
        return None
