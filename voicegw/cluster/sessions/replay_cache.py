"""The single-use tokens that were used, shared by all gateways."""

import asyncio
import hashlib

from redis.asyncio import Redis

from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS
from voicegw.errors import StoreUnavailable

_ANSWER_S = 0.08  # a refusal must not take longer than 100 ms


class SharedReplayCache:
    """`client` stays the caller's to close."""

    def __init__(self, client: Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def consume(self, token: str, lives_s: float) -> bool:
        """Whether this is the first time; after `lives_s` seconds it may be forgotten.

        Raises StoreUnavailable when Redis does not answer in time: a token that cannot be checked is refused.
        """
        key = self._keys.token(hashlib.sha256(token.encode()).hexdigest())
        try:
            async with asyncio.timeout(_ANSWER_S):
                first = await self._client.set(key, b"", nx=True, px=int(lives_s * 1000))
        except REDIS_ERRORS as error:
            raise StoreUnavailable from error
        return bool(first)
