"""The counters of the `limits` library, shared by all gateways."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from limits.aio.storage import RedisClusterStorage, RedisStorage, Storage
from limits.errors import StorageError
from redis.asyncio import Redis, RedisCluster

from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS

log = structlog.get_logger(__name__)

_NOT_A_COUNTER = ("WRONGTYPE", "not an integer", "would overflow")
_NEVER_EXPIRES = -1  # as Redis answers TTL

Answer = TypeVar("Answer")


class _Storage(RedisStorage):
    """Deletes a counter that no gateway can have written (of another type, no number, negative, without an
    expiry) and counts again from zero: otherwise each use of it would fail, or it would never expire."""

    client: Redis

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """As in the library."""

        async def count() -> int:
            return await super(_Storage, self).incr(key, expiry, amount)

        used = await self._asked(key, count)
        if used >= amount:
            return used
        await self._delete(key, "negative")
        return await count()

    async def get(self, key: str) -> int:
        """As in the library."""

        async def read() -> int:
            return await super(_Storage, self).get(key)

        return await self._asked(key, read)

    async def get_expiry(self, key: str) -> float:
        """As in the library."""
        ttl_s: int = await self.client.ttl(self.bridge.prefixed_key(key))
        if ttl_s == _NEVER_EXPIRES:
            await self._delete(key, "without an expiry")
        return time.time() + max(0, ttl_s)

    async def _asked(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await ask()
        except (StorageError, ValueError) as error:
            cause = error.storage_error if isinstance(error, StorageError) else None
            if cause is not None and not any(each in str(cause) for each in _NOT_A_COUNTER):
                raise
        await self._delete(key, "not a number")
        return await ask()

    async def _delete(self, key: str, reason: str) -> None:
        log.error("a counter of a limit is spoilt and is deleted", reason=reason)
        await self.clear(key)


class _ClusterStorage(_Storage, RedisClusterStorage):
    """Also treats the errors of a cluster that are no RedisError."""

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return REDIS_ERRORS


def rate_storage(client: Redis, keys: Keys) -> Storage:
    """Counters in Redis, over the connections of `client`, which stays the caller's to close.

    What Redis cannot do is raised as `limits.errors.StorageError`.
    """
    if isinstance(client, RedisCluster):
        # The library makes clients for clusters itself and takes none; this one is put in its place.
        storage: _Storage = _ClusterStorage(
            "async+redis+cluster://unused:1",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=keys.limits,
        )
        storage.bridge.storage = client
        storage.bridge.register_scripts()
    else:
        storage = _Storage(
            "async+redis://",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=keys.limits,
            connection_pool=client.connection_pool,  # type: ignore[arg-type]
        )
    storage.client = client
    return storage
