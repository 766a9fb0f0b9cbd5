"""The operations of a worker on job streams in Redis. Every method raises REDIS_ERRORS."""

from redis.asyncio import Redis

from voicegw.cluster.jobs.job_messages import Answer, WorkerStatus, encode
from voicegw.cluster.jobs.membership import Membership, MembershipRegistry
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.group_reader import ConsumerGroup, Entry, GroupReader
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.scripts import GROUP, PUBLISH
from voicegw.errors import ConfigurationError

_RESULTS_LIVE_MS = 300_000
_OLDEST_REDIS = 7


class JobConsumer:
    """`name` is that of this worker in the consumer group. Jobs are read with `reader`, finals first."""

    def __init__(self, options: RedisOptions, name: str) -> None:
        self._keys = Keys(options.prefix)
        self._redis: Redis = connect(options)
        group = ConsumerGroup(GROUP, (self._keys.finals, self._keys.partials), "job")
        self.reader = GroupReader(options, self._redis, group, name)
        self._registry = MembershipRegistry(self._redis, self._keys, name)
        self._publish = self._redis.register_script(PUBLISH)

    async def check_version(self) -> None:
        """Raises ConfigurationError when this Redis is too old for scripts that may write an answer when
        memory is short."""
        version = str((await self._redis.info("server"))["redis_version"])
        if int(version.partition(".")[0]) < _OLDEST_REDIS:
            raise ConfigurationError(f"Redis {_OLDEST_REDIS}.0 or newer is needed, not {version}")

    async def publish(self, entry: Entry, gateway: str, answer: Answer | None, dead: str = "") -> bool:
        """Answers and acknowledges a job in one step; without an answer, only the latter. With the reason why
        it is `dead`, it is kept in the dead-letter stream. False when another worker has answered already."""
        keys = [entry.stream, self._keys.results(gateway), self._keys.dead_jobs]
        encoded = b"" if answer is None else encode(answer)
        return bool(await self._publish(keys=keys, args=[GROUP, entry.id, encoded, _RESULTS_LIVE_MS, dead]))

    async def heartbeat(self, status: WorkerStatus) -> Membership:
        """Writes this worker's status; returns the membership."""
        return await self._registry.heartbeat(status)

    async def leave_registry(self) -> None:
        """Removes this worker from the registry."""
        await self._registry.leave()

    async def close(self) -> None:
        """Closes the connections."""
        await self.reader.close()
        await close(self._redis)
