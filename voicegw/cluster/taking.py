"""The worker's side of the streams: jobs out, answers in. Every method raises what Redis does."""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from voicegw.cluster.connect import RedisOptions, close, connect
from voicegw.cluster.keys import Keys
from voicegw.cluster.line import new_line
from voicegw.cluster.messages import Answer, WorkerStatus, encode
from voicegw.cluster.register import Register, Registrar
from voicegw.cluster.replies import Entry, claimed, delivered, text
from voicegw.cluster.scripts import CLAIM, FORGET_CONSUMERS, GROUP, PUBLISH, SET_IDLE
from voicegw.errors import ConfigurationError

BLOCK_MS = 100  # how long a worker that is to leave may go on waiting for jobs
_RESULTS_LIVE_MS = 300_000
_CONSUMER_FORGOTTEN_MS = 60_000
_LONG_AGO_MS = 86_400_000
_BEGINNING = "0-0"
_OLDEST_REDIS = 7


class WorkerStreams:
    """`name` is that of this worker in the consumer group."""

    def __init__(self, options: RedisOptions, name: str) -> None:
        self._keys = Keys(options.prefix)
        self._name = name
        self._redis: Redis = connect(options)
        self._reader = new_line(options, blocks_ms=BLOCK_MS)
        self._publisher = new_line(options)
        self._registrar = Registrar(self._redis, self._keys, name)
        self._claim = self._redis.register_script(CLAIM)
        self._set_idle = self._redis.register_script(SET_IDLE)
        self._forget = self._redis.register_script(FORGET_CONSUMERS)

    @property
    def streams(self) -> tuple[str, str]:
        """The job streams, in the order in which they are read."""
        return self._keys.finals, self._keys.partials

    async def check(self) -> None:
        """Raises ConfigurationError when this Redis is too old for scripts that may write an answer when
        memory is short."""
        version = str((await self._redis.info("server"))["redis_version"])
        if int(version.partition(".")[0]) < _OLDEST_REDIS:
            raise ConfigurationError(f"Redis {_OLDEST_REDIS}.0 or newer is needed, not {version}")

    async def found(self) -> None:
        """Makes the streams and their group where they do not exist, or no longer do."""
        for stream in self.streams:
            try:
                await self._redis.xgroup_create(stream, GROUP, id=_BEGINNING, mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def take(self, most: int) -> list[Entry]:
        """Waits a moment for jobs; up to `most` finals, and as many partials."""
        waiting = ("COUNT", most, "BLOCK", BLOCK_MS)
        wanted = ("STREAMS", *self.streams, *(">" for _ in self.streams))
        try:
            replies = await self._reader.execute("XREADGROUP", "GROUP", GROUP, self._name, *waiting, *wanted)
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self.found()  # Redis has lost what it held
            return []
        return delivered(replies, "job")

    async def claim(self, idle_ms: int, most: int) -> list[Entry]:
        """Up to `most` jobs of each stream that other workers have let lie for so long."""
        found: list[Entry] = []
        for stream in self.streams:
            cursor, room = _BEGINNING, most
            while room > 0:
                arguments: list[str | int] = [GROUP, self._name, idle_ms, room, cursor]
                following, entries = await self._claim(keys=[stream], args=arguments)
                found += claimed(stream, entries)
                cursor, room = text(following), room - len(entries)
                if cursor == _BEGINNING:
                    break
        return found

    async def publish(self, entry: Entry, gateway: str, answer: Answer | None, dead: str = "") -> bool:
        """Answers and acknowledges a job at once; without an answer, only the latter. With the reason why it
        is dead, it is kept where someone can look at it. False when another worker has been faster."""
        keys = [entry.stream, self._keys.results(gateway), self._keys.dead_jobs]
        written = b"" if answer is None else encode(answer)
        arguments = (GROUP, entry.id, written, _RESULTS_LIVE_MS, dead)
        return bool(await self._publisher.evaluate(PUBLISH, keys, *arguments))

    async def renew(self, entries: Sequence[Entry]) -> None:
        """Tells that these are being done."""
        await self._set_idle_ms(entries, 0)

    async def hand_back(self, entries: Sequence[Entry]) -> None:
        """Lets any worker claim these at once."""
        await self._set_idle_ms(entries, _LONG_AGO_MS)

    async def _set_idle_ms(self, entries: Sequence[Entry], idle_ms: int) -> None:
        for stream in self.streams:
            ids = [entry.id for entry in entries if entry.stream == stream]
            if ids:
                await self._set_idle(keys=[stream], args=[GROUP, self._name, idle_ms, *ids])

    async def leave(self) -> bool:
        """Takes this worker off the group's list; False while it still holds jobs."""
        for stream in self.streams:
            await self._forget(keys=[stream], args=[GROUP, self._name, 0])
        for stream in self.streams:
            consumers = await self._redis.xinfo_consumers(stream, GROUP)
            if any(consumer["name"] == self._name.encode() for consumer in consumers):
                return False
        return True

    async def forget_the_dead(self) -> int:
        """Takes workers off the group's list that have long been silent and hold nothing."""
        gone = 0
        for stream in self.streams:
            gone += await self._forget(keys=[stream], args=[GROUP, "", _CONSUMER_FORGOTTEN_MS])
        return gone

    async def sign_in(self, status: WorkerStatus) -> Register:
        """Tells how this worker is; returns who else is there."""
        return await self._registrar.sign_in(status)

    async def sign_out(self) -> None:
        """Takes this worker off the register."""
        await self._registrar.sign_out()

    async def close(self) -> None:
        for line in (self._reader, self._publisher):
            await line.close()
        await close(self._redis)
