"""The shards that a worker reads: those of every shard count that a gateway announces. Each has its own
connection, so that one that does not answer delays no other."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog

from voicegw.cluster.jobs.consumer import JobConsumer
from voicegw.cluster.jobs.job_messages import WorkerStatus
from voicegw.cluster.jobs.membership import Membership, MembershipRegistry, Queues
from voicegw.cluster.redis.connect import RedisOptions, close, connect, parse
from voicegw.cluster.redis.group_reader import Entry, GroupReader
from voicegw.cluster.redis.group_worker import GroupWorker
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor, raise_if_cancelled
from voicegw.cluster_metrics import ClusterMetrics
from voicegw.errors import ConfigurationError

log = structlog.get_logger(__name__)

_STREAMS_KEPT_S = 60.0  # after it was last announced; the registry forgets a gateway as late
_OLDEST_REDIS = 7
_HAND_OVER_POLL_S = 0.05
_HAND_OVER_POLLS = 20


class WorkerShards:
    """name: of the worker. `check_version`, `heartbeat` and `hand_over` raise REDIS_ERRORS; the other methods
    report them to the monitor of the shard."""

    def __init__(self, options: RedisOptions, name: str, metrics: ClusterMetrics) -> None:
        self._options = options
        self._name = name
        self._metrics = metrics
        self._keys = Keys(options.prefix)
        self._redis = connect(options, key=self._keys.workers)
        self._registry = MembershipRegistry(self._redis, self._keys, name)
        self._announced: dict[int, float] = {options.shard_count: time.monotonic()}
        self._consumers: dict[int, list[JobConsumer]] = {}
        self._by_stream: dict[str, JobConsumer] = {}
        self._open(options.shard_count)

    @property
    def shard_counts(self) -> tuple[int, ...]:
        """The shard counts whose streams are read."""
        return tuple(self._consumers)

    @property
    def readers(self) -> list[GroupReader]:
        """The readers of all shards."""
        return [consumer.reader for consumers in self._consumers.values() for consumer in consumers]

    def consumer_of(self, entry: Entry) -> JobConsumer:
        """The consumer of the shard that has the entry."""
        return self._by_stream[entry.stream]

    async def check_version(self) -> None:
        """Raises ConfigurationError when this Redis is too old for scripts that may write an answer when
        memory is short."""
        version = str((await self._redis.info("server"))["redis_version"])
        if int(version.partition(".")[0]) < _OLDEST_REDIS:
            raise ConfigurationError(f"Redis {_OLDEST_REDIS}.0 or newer is needed, not {version}")

    async def heartbeat(self, status: WorkerStatus) -> Membership:
        """Writes this worker's status; returns the membership."""
        return await self._registry.heartbeat_of_worker(status)

    async def follow(self, announced: Iterable[int], worker: GroupWorker) -> None:
        """Reads the streams of all announced shard counts, and leaves those not announced for a minute."""
        now = time.monotonic()
        self._announced |= dict.fromkeys(announced, now)
        for shard_count, since in tuple(self._announced.items()):
            if shard_count not in self._consumers:
                opened = self._open(shard_count)
                await self._in_shards(opened, lambda consumer: consumer.reader.create_group())
                for consumer in opened:
                    worker.add(consumer.reader)
            elif now - since > _STREAMS_KEPT_S and shard_count != self._options.shard_count:
                del self._announced[shard_count]
                await self._close(shard_count, worker)

    def _open(self, shard_count: int) -> list[JobConsumer]:
        made = []
        address = str(parse(self._options.url or ""))
        for index, keys in enumerate(self._keys.shards(shard_count)):
            monitor = ConnectionMonitor(address, self._metrics, f"shard {index + 1} of {shard_count}")
            made.append(JobConsumer(self._options, keys, self._name, monitor))
        self._consumers[shard_count] = made
        self._by_stream |= {stream: each for each in made for stream in each.reader.group.streams}
        log.info("job streams", shards=shard_count)
        return made

    async def _close(self, shard_count: int, worker: GroupWorker) -> None:
        for consumer in self._consumers.pop(shard_count):
            worker.discard(consumer.reader)
            consumer.reader.monitor.succeeded()  # whether it answers no longer matters
            await consumer.close()

    async def queues(self) -> Queues:
        """The jobs that wait and that are held in the shards that answer."""
        found: list[Queues] = []

        async def count(consumer: JobConsumer) -> None:
            found.append(await consumer.queues())

        await self._in_all_shards(count)
        return sum(found, Queues())

    async def tend(self) -> None:
        """Keeps this worker's own streams, and deletes what others have left in the consumer groups."""
        await self._in_all_shards(lambda consumer: consumer.reader.keep_own_streams())
        await self._in_all_shards(lambda consumer: consumer.reader.delete_idle_consumers())

    async def create_groups(self) -> None:
        """Creates the streams and the groups where they do not exist, or no longer do."""
        await self._in_all_shards(lambda consumer: consumer.reader.create_group())

    @property
    def answering(self) -> bool:
        """Whether any shard answers."""
        return any(not reader.monitor.down_s() for reader in self.readers)

    async def hand_over(self, unfinished: Iterable[Entry]) -> None:
        """Gives other workers time to claim the released jobs, and deletes this worker from Redis. Jobs that
        are not claimed wait under its name."""
        await self._registry.leave()
        left = list(unfinished)

        async def leave(consumer: JobConsumer) -> None:
            await consumer.reader.release(left)
            for _ in range(_HAND_OVER_POLLS):
                if await consumer.reader.leave():
                    return
                await asyncio.sleep(_HAND_OVER_POLL_S)

        await self._in_all_shards(leave)

    async def _in_all_shards(self, step: Callable[[JobConsumer], Awaitable[object]]) -> None:
        await self._in_shards(
            [consumer for consumers in self._consumers.values() for consumer in consumers], step
        )

    async def _in_shards(
        self, consumers: Iterable[JobConsumer], step: Callable[[JobConsumer], Awaitable[object]]
    ) -> None:
        """Runs a step for each shard. The errors of one are reported to its monitor."""

        async def take(consumer: JobConsumer) -> None:
            try:
                await step(consumer)
            except REDIS_ERRORS as error:
                raise_if_cancelled()
                consumer.reader.monitor.failed(error)

        await asyncio.gather(*map(take, consumers))

    async def close(self) -> None:
        """Closes the connections."""
        for consumers in self._consumers.values():
            for consumer in consumers:
                await consumer.close()
        await close(self._redis)
