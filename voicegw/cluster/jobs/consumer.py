"""The operations of a worker on one shard of the job streams in Redis. Every method raises REDIS_ERRORS."""

from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import Answer, encode
from voicegw.cluster.jobs.membership import Queues, queues_of
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.group_reader import ConsumerGroup, Entry, GroupReader
from voicegw.cluster.redis.keys import ShardKeys
from voicegw.cluster.redis.monitor import ConnectionMonitor
from voicegw.cluster.redis.scripts import GROUP, PUBLISH, QUEUES

_RESULTS_LIVE_MS = 300_000


class JobConsumer:
    """name: of this worker in the consumer group. Jobs are read with `reader`, finals first: those
    for any worker, and those that omit audio which this worker keeps."""

    def __init__(self, options: RedisOptions, keys: ShardKeys, name: str, monitor: ConnectionMonitor) -> None:
        self._keys = keys
        self._redis: Redis = connect(options, key=keys.finals)
        own = finals, partials = keys.finals_of(name), keys.partials_of(name)
        ranks = ((keys.finals, finals), (keys.partials, partials))
        group = ConsumerGroup(GROUP, ranks, "job", frozenset(own))
        self.reader = GroupReader(options, self._redis, group, name, monitor)
        self._queues = self._redis.register_script(QUEUES)
        self._publish = self._redis.register_script(PUBLISH)

    async def publish(self, entry: Entry, gateway: str, answer: Answer | None, dead: str = "") -> bool:
        """Answers and acknowledges a job in one step; without an answer, only the latter. With the reason why
        it is `dead`, it is kept in the dead-letter stream. False when another worker has answered already."""
        keys = [entry.stream, self._keys.results(gateway), self._keys.dead_jobs]
        encoded = b"" if answer is None else encode(answer)
        kept = entry.payload if dead else b""
        arguments: list[str | int | bytes] = [GROUP, entry.id, encoded, _RESULTS_LIVE_MS, dead, kept]
        return bool(await self._publish(keys=keys, args=arguments))

    async def queues(self) -> Queues:
        """The jobs that wait and that are held in this shard."""
        return queues_of(await self._queues(keys=[self._keys.finals, self._keys.partials], args=[GROUP]))

    async def close(self) -> None:
        """Closes the connections."""
        await self.reader.close()
        await close(self._redis)
