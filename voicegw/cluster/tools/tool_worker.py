"""The worker of background calls: takes tool calls from Redis, makes them, and reports their progress and
result.

A call is made at most once. It may have booked a table, so one whose worker was lost is not made again: the
worker that notices the loss reports it as failed, with unknown outcome.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

import msgspec
import structlog
from redis.asyncio import Redis

from voicegw.cluster.redis.connect import RedisOptions, close, connect, parse
from voicegw.cluster.redis.group_reader import ConsumerGroup, Entry, GroupReader
from voicegw.cluster.redis.group_worker import GroupWorker
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.redis.monitor import REDIS_ERRORS, ConnectionMonitor, raise_if_cancelled
from voicegw.cluster.tools.remote_background_calls import QueuedCall
from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.core.options import option
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_GROUP = "tools"

# KEYS the owner's calls; ARGV a background call that is done.
_GIVE_BACK = "if redis.call('TYPE', KEYS[1]).ok == 'zset' then redis.call('ZREM', KEYS[1], ARGV[1]) end"

_LAST_WORD_S = 1.0
_KEPT_REPORTS = 100
_NEWS_LIVE_MS = 3_600_000
_LOST = CallProgress(
    '{"error":"the worker that made this call was lost; it is not known whether it was done"}',
    done=True,
    ok=False,
)
_TOO_LATE = CallProgress('{"error":"no worker in time; the call was not made"}', done=True, ok=False)
_FAULT = CallProgress('{"error":"a fault in the worker; it is not known what was done"}', done=True, ok=False)


@dataclass(frozen=True, slots=True)
class ToolWorkerOptions:
    """Whether a worker makes tool calls in the background."""

    take: bool = option(False, "make the tool calls that gateways hand to Redis; declare the tools here too")
    only: bool = option(False, "do that and nothing else: no model is loaded")
    at_once: int = option(4, "calls made at the same time", ge=1, le=1000)
    lease_ms: int = option(15_000, "time after which a silent worker's calls are reported as lost", ge=100)
    drain_timeout_ms: int = option(30_000, "time to finish calls when leaving", ge=0)


class ToolWorker:
    """Works from `run` until `leave`. `make` makes a call and reports, the result last (Toolbox.run)."""

    min_claims = 10  # a lost call is reported, not made, so that needs no room

    def __init__(
        self,
        redis: RedisOptions,
        options: ToolWorkerOptions,
        make: Callable[[ToolCalled], AsyncGenerator[CallProgress, None]],
        metrics: Metrics,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._options = options
        self._make = make
        self._keys = Keys(redis.prefix)
        self._redis: Redis = connect(redis, key=self._keys.background_calls)
        self._monitor = ConnectionMonitor(str(parse(redis.url or "")), metrics.cluster, "tool calls")
        group = ConsumerGroup(_GROUP, ((self._keys.background_calls,),), "call")
        self._reader = GroupReader(redis, self._redis, group, self.name, self._monitor)
        self._worker = GroupWorker(self, options.lease_ms)

    @property
    def unready(self) -> str:
        """Why it takes no calls; empty when it does."""
        if self._worker.stopping:
            return "this worker is leaving"
        return "Redis does not answer" if self._monitor.down_s() else ""

    @property
    def capacity(self) -> int:
        """See EntryHandler."""
        return self._options.at_once

    async def run(self) -> None:
        """Works until `leave`, and then until its calls are done or given up."""
        try:
            await self._monitor.try_once(self._join)
            await self._worker.run((self._reader,), self._options.drain_timeout_ms)
            with suppress(*REDIS_ERRORS):
                await self._reader.leave()
        finally:
            await self._reader.close()
            await close(self._redis)

    async def _join(self) -> None:
        await self._reader.create_group()
        await self._reader.delete_idle_consumers()

    def leave(self) -> None:
        """Takes no more calls, so that `run` ends."""
        self._worker.stop()

    async def handle(self, entry: Entry) -> None:
        """See EntryHandler. Makes a call, or reports that the worker which had it was lost, or that it is too
        late: its gateway has given it up. One that another worker has claimed is not made, since that worker
        reports it as lost."""
        if (read := await self._read(entry)) is None:
            return
        background_call, call, give_up_ms = read
        if entry.deliveries > 1:
            log.warning("a background call's worker was lost", background_call=background_call)
            await self._monitor.retry(lambda: self._end(background_call, call, _LOST, entry.id))
        elif await self._age_ms(entry) >= give_up_ms:
            log.warning("a background call comes too late", background_call=background_call)
            await self._monitor.retry(lambda: self._end(background_call, call, _TOO_LATE, entry.id))
        elif await self._monitor.retry(lambda: self._reader.renew([entry])):
            await self._carry_out(background_call, call, entry.id)
        else:  # it took longer than the lease to come here
            log.warning("a background call was claimed by another worker", background_call=background_call)

    async def _age_ms(self, entry: Entry) -> int:
        """The time since the entry was added, by the clock of Redis."""
        seconds, microseconds = await self._monitor.retry(self._redis.time)
        return 1000 * int(seconds) + int(microseconds) // 1000 - int(entry.id.partition("-")[0])

    async def _carry_out(self, background_call: str, call: ToolCalled, entry: str) -> None:
        """Makes a call and reports its result, or that the worker left before it."""
        try:
            result = await self._result(background_call, call)
            await self._monitor.retry(lambda: self._end(background_call, call, result, entry))
        except asyncio.CancelledError:
            with suppress(*REDIS_ERRORS):
                async with asyncio.timeout(_LAST_WORD_S):
                    await self._end(background_call, call, _LOST, entry)
            raise

    async def _result(self, background_call: str, call: ToolCalled) -> CallProgress:
        """Makes a call, reports its progress, and returns its result."""
        result = _LOST
        try:
            async with aclosing(self._make(call)) as reports:
                async for result in reports:
                    if not result.done:
                        with suppress(*REDIS_ERRORS):  # progress may get lost, a result may not
                            await self._report(background_call, result)
                        raise_if_cancelled()
        except Exception:  # a fault of ours costs this call, not the worker
            log.exception("background call failed", background_call=background_call)
            return _FAULT
        return result

    async def _end(self, background_call: str, call: ToolCalled, result: CallProgress, entry: str) -> None:
        """Releases the place of the call, and reports the result."""
        place = self._keys.background_calls_of(AskedCall.of(call).owner)
        await self._redis.eval(_GIVE_BACK, 1, place, background_call)
        await self._report(background_call, result, entry)

    async def _report(self, background_call: str, report: CallProgress, entry: str = "") -> None:
        """Adds to the progress of the call, and with `entry` acknowledges and deletes it, in one step."""
        stream = self._keys.call_progress(background_call)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(stream, {"progress": msgspec.json.encode(report)}, maxlen=_KEPT_REPORTS)
            pipe.pexpire(stream, _NEWS_LIVE_MS)
            if entry:
                pipe.xack(self._keys.background_calls, _GROUP, entry)
                pipe.xdel(self._keys.background_calls, entry)
            await pipe.execute()

    async def _read(self, entry: Entry) -> tuple[str, ToolCalled, int] | None:
        """The background call's name, its call, and after how many ms it is given up. One that is malformed
        is deleted: no other worker could read it, and the gateway that waits for it is not known."""
        try:
            background_call, queued = msgspec.json.decode(entry.payload, type=tuple[str, QueuedCall])
            return background_call, queued.asked, queued.give_up_ms
        except (msgspec.MsgspecError, RecursionError) as error:  # the latter for what is nested too deeply
            log.error("background call given up", entry=entry.id, reason=str(error))
            await self._monitor.retry(lambda: self._delete(entry.id))
            return None

    async def _delete(self, entry: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._keys.background_calls, _GROUP, entry)
            pipe.xdel(self._keys.background_calls, entry)
            await pipe.execute()
