"""Where the `limits` library counts for all gateways."""

from limits.aio.storage import RedisClusterStorage, RedisStorage, Storage
from redis.asyncio import Redis, RedisCluster

from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS


class _ClusterStorage(RedisClusterStorage):
    """Knows that a cluster's trouble is not always a RedisError."""

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return REDIS_ERRORS


def rate_storage(client: Redis, keys: Keys) -> Storage:
    """Counters in Redis, over the connections of `client`, which stays the caller's to close.

    What Redis cannot do is raised as `limits.errors.StorageError`.
    """
    if isinstance(client, RedisCluster):
        # The library makes clients for clusters itself and takes none; this one is put in its place.
        storage = _ClusterStorage(
            "async+redis+cluster://unused:1",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=keys.limits,
        )
        storage.bridge.storage = client
        storage.bridge.register_scripts()
        return storage
    return RedisStorage(
        "async+redis://",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix=keys.limits,
        connection_pool=client.connection_pool,  # type: ignore[arg-type]
    )
