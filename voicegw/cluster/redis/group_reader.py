"""Reading streams as one consumer of a consumer group: new entries, and those of consumers that were lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.monitor import ConnectionMonitor
from voicegw.cluster.redis.scripts import CLAIM, FORGET_CONSUMERS, SET_IDLE, WAITING

_BLOCK_MS = 500  # a consumer that is to stop waits no longer than this for a read to end
_CONSUMER_FORGOTTEN_MS = 60_000
_OWN_LIVE_MS = 60_000
_LEFT_LIVE_MS = 10_000
_BEGINNING = "0-0"
_RELEASED_IDLE_MS = 86_400_000  # beyond any lease


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """Which streams a group reads, and which field of an entry holds the payload. The streams share a hash
    slot.

    ranks: the streams in order of preference; those of one rank are equal. own: those that only this consumer
    reads, and that expire when it is lost; who adds entries to them has to take back what is not processed.
    """

    name: str
    ranks: tuple[tuple[str, ...], ...]
    field: str
    own: frozenset[str] = frozenset()

    @property
    def streams(self) -> tuple[str, ...]:
        """All streams, in order of preference."""
        return tuple(stream for rank in self.ranks for stream in rank)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it was delivered. An entry without the payload's field has an empty payload.

    deliveries: to how many consumers; more than 1 for one that was claimed from a lost consumer.
    """

    stream: str
    id: str
    payload: bytes
    deliveries: int = 1

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: entries of different streams may have the same id."""
        return self.stream, self.id


class GroupReader:
    """`name` is the consumer's in the group; `monitor` that of the server with these streams. `client` stays
    the caller's to close; blocking reads have a connection of their own. Every method raises REDIS_ERRORS."""

    def __init__(
        self,
        options: RedisOptions,
        client: Redis,
        group: ConsumerGroup,
        name: str,
        monitor: ConnectionMonitor,
    ) -> None:
        self.group = group
        self.monitor = monitor
        self._name = name
        self._redis = client
        self._blocking: Redis = connect(options, block_ms=_BLOCK_MS, key=group.streams[0])
        self._shared: list[str] = [stream for stream in group.streams if stream not in group.own]
        self._blocking_id: int | None = None  # of the connection of blocking reads
        self._waiting = client.register_script(WAITING)
        self._claim = client.register_script(CLAIM)
        self._set_idle = client.register_script(SET_IDLE)
        self._forget = client.register_script(FORGET_CONSUMERS)

    async def create_group(self) -> None:
        """Creates the streams and the group where they do not exist, or no longer do."""
        for stream in self.group.streams:
            try:
                await self._redis.xgroup_create(stream, self.group.name, id=_BEGINNING, mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
        await self.keep_own_streams()

    async def keep_own_streams(self, live_ms: int = _OWN_LIVE_MS) -> None:
        """Extends the life of this consumer's own streams, by default to a minute."""
        for stream in self.group.own:
            await self._redis.pexpire(stream, live_ms)

    async def read(self, count: int) -> list[Entry]:
        """Waits up to half a second for new entries; up to `count` of each stream."""
        if self._blocking_id is None:
            self._blocking_id = int(await self._blocking.client_id())
        try:
            return await self._read(self._blocking, self.group.streams, count, _BLOCK_MS)
        except BaseException:
            self._blocking_id = None  # the next read may have another connection
            raise

    async def unblock(self) -> None:
        """Ends a read that waits, which returns what it has, usually nothing."""
        if (connection := self._blocking_id) is not None:
            await self._redis.client_unblock(connection)

    async def waiting(self) -> dict[str, int]:
        """How many entries of each stream no consumer has."""
        streams = self.group.streams
        counts = await self._waiting(keys=list(streams), args=[self.group.name])
        return dict(zip(streams, map(int, counts), strict=True))

    async def take(self, stream: str, count: int) -> list[Entry]:
        """Up to `count` new entries of a stream, without waiting."""
        return await self._read(self._redis, (stream,), count)

    async def _read(
        self, client: Redis, streams: Sequence[str], count: int, block_ms: int | None = None
    ) -> list[Entry]:
        try:
            replies: Any = await client.xreadgroup(
                self.group.name, self._name, dict.fromkeys(streams, ">"), count=count, block=block_ms
            )
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self.create_group()  # Redis has lost its data
            return []
        field = self.group.field.encode()
        return [
            Entry(stream.decode(), entry.decode(), fields.get(field, b""))
            for stream, entries in replies
            for entry, fields in entries
        ]

    async def claim(self, idle_ms: int, count: int) -> list[Entry]:
        """Up to `count` entries of each stream that other consumers have not renewed for so long."""
        arguments: list[str | int] = [self.group.name, self._name, idle_ms, count, self.group.field]
        claimed = await self._claim(keys=self._shared, args=arguments)
        return [
            Entry(self._shared[index], entry.decode(), payload, n) for index, entry, payload, n in claimed
        ]

    async def claim_released(self, count: int) -> list[Entry]:
        """Up to `count` entries of each stream that other consumers have released."""
        return await self.claim(_RELEASED_IDLE_MS, count)

    async def renew(self, entries: Sequence[Entry]) -> int:
        """Extends the lease of those that are still this consumer's; how many are."""
        return await self._set_idle_ms(entries, 0)

    async def release(self, entries: Sequence[Entry]) -> None:
        """Lets any consumer claim these at once."""
        await self._set_idle_ms(entries, _RELEASED_IDLE_MS)

    async def _set_idle_ms(self, entries: Sequence[Entry], idle_ms: int) -> int:
        ours = 0
        for stream in self.group.streams:
            ids = [entry.id for entry in entries if entry.stream == stream]
            if ids:
                arguments: list[str | int] = [self.group.name, self._name, idle_ms, *ids]
                ours += int(await self._set_idle(keys=[stream], args=arguments))
        return ours

    async def leave(self) -> bool:
        """Deletes this consumer from the group; False while it still holds entries. What waits in its own
        streams is there for as long as it takes to be taken back."""
        await self.keep_own_streams(_LEFT_LIVE_MS)
        for stream in self.group.streams:
            await self._forget(keys=[stream], args=[self.group.name, self._name, 0])
        for stream in self.group.streams:
            consumers = await self._redis.xinfo_consumers(stream, self.group.name)
            if any(consumer["name"] == self._name.encode() for consumer in consumers):
                return False
        return True

    async def delete_idle_consumers(self) -> int:
        """Deletes consumers that hold nothing and have not read for a minute; how many."""
        gone = 0
        for stream in self._shared:
            gone += await self._forget(keys=[stream], args=[self.group.name, "", _CONSUMER_FORGOTTEN_MS])
        return gone

    async def close(self) -> None:
        """Closes the connection of blocking reads."""
        await close(self._blocking)
