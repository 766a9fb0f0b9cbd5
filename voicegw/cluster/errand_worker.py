"""The worker's side of errands: takes tool calls from Redis, has them made, and reports.

A call is made at most once. It may have booked a table, so one whose worker was lost is not made again: the
worker that notices reports it as failed, and says that nobody knows whether it was done.
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
from redis.exceptions import ResponseError

from voicegw.cluster.connect import RedisOptions, close, connect, parse
from voicegw.cluster.keys import Keys
from voicegw.cluster.line import new_line
from voicegw.cluster.link import TROUBLE, Link, heed_cancel
from voicegw.cluster.replies import Entry, delivered
from voicegw.core.errands import AskedCall, ErrandNews
from voicegw.core.events import ToolCalled
from voicegw.core.options import option
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_GROUP = "tools"
_BLOCK_MS = 300
_LAST_WORD_S = 1.0
_KEPT_NEWS = 100
_NEWS_LIVE_MS = 3_600_000
_LOST = ErrandNews(
    '{"error":"the worker that made this call was lost; it is not known whether it was done"}',
    done=True,
    ok=False,
)
_FAULT = ErrandNews('{"error":"a fault in the worker; it is not known what was done"}', done=True, ok=False)


@dataclass(frozen=True, slots=True)
class ErrandWorkerOptions:
    """Whether a worker makes tool calls in the background."""

    take: bool = option(False, "make the tool calls that gateways hand to Redis; declare the tools here too")
    only: bool = option(False, "do that and nothing else: no model is loaded")
    at_once: int = option(4, "calls made at the same time", ge=1, le=1000)
    lease_ms: int = option(15_000, "time after which a silent worker's calls are reported as lost", ge=100)
    drain_timeout_ms: int = option(30_000, "time to finish calls when leaving", ge=0)


class ErrandWorker:
    """Works from `run` until `leave`. `make` makes a call and reports, the result last (Toolbox.run)."""

    def __init__(
        self,
        redis: RedisOptions,
        options: ErrandWorkerOptions,
        make: Callable[[ToolCalled], AsyncGenerator[ErrandNews, None]],
        metrics: Metrics,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._options = options
        self._make = make
        self._keys = Keys(redis.prefix)
        self._redis: Redis = connect(redis)
        self._reader = new_line(redis, blocks_ms=_BLOCK_MS)
        self._link = Link(str(parse(redis.url or "")), metrics.cluster)
        self._held: dict[str, asyncio.Task[None]] = {}
        self._leaving = asyncio.Event()
        self._group = asyncio.TaskGroup()

    async def run(self) -> None:
        """Works until told to leave, and then until what it holds is done or given up."""
        try:
            await self._link.begin(self._found)
            async with self._group:
                taking = self._group.create_task(self._link.repeat(self._take, self._leaving))
                watching = self._group.create_task(self._link.repeat(self._watch))
                await self._leaving.wait()
                await asyncio.wait((taking,), timeout=2 * _BLOCK_MS / 1000)
                if self._held:
                    await asyncio.wait(self._held.values(), timeout=self._options.drain_timeout_ms / 1000)
                for task in (taking, watching, *self._held.values()):
                    task.cancel()
        finally:
            await close(self._redis)
            await self._reader.close()

    def leave(self) -> None:
        """No more calls: `run` comes to its end."""
        self._leaving.set()

    async def _found(self) -> None:
        """Makes the stream and its group where they do not exist, or no longer do."""
        try:
            await self._redis.xgroup_create(self._keys.errands, _GROUP, id="0-0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _take(self) -> None:
        free = self._options.at_once - len(self._held)
        if free <= 0:
            await asyncio.wait(self._held.values(), return_when=asyncio.FIRST_COMPLETED, timeout=1)
            return
        waiting = ("COUNT", free, "BLOCK", _BLOCK_MS, "STREAMS", self._keys.errands, ">")
        try:
            reply = await self._reader.execute("XREADGROUP", "GROUP", _GROUP, self.name, *waiting)
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self._found()  # Redis has lost what it held
            return
        for entry in delivered(reply, "errand"):
            self._held[entry.id] = self._group.create_task(self._do(entry), name="errand")

    async def _watch(self) -> None:
        """Tells that what is held is being done, and reports what others have lost."""
        await asyncio.sleep(self._options.lease_ms / 4000)
        if self._held:
            await self._redis.xclaim(
                self._keys.errands, _GROUP, self.name, 0, list(self._held), idle=0, justid=True
            )
        reply = await self._redis.xautoclaim(
            self._keys.errands, _GROUP, self.name, self._options.lease_ms, count=10
        )
        for entry in delivered([(self._keys.errands.encode(), reply[1])], "errand"):
            if entry.id not in self._held and (read := await self._read(entry)) is not None:
                errand, _ = read
                log.warning("an errand's worker was lost", errand=errand)
                await self._report(errand, _LOST, entry.id)

    async def _do(self, entry: Entry) -> None:
        try:
            if (read := await self._read(entry)) is not None:
                await self._carry_out(*read, entry.id)
        finally:
            del self._held[entry.id]

    async def _carry_out(self, errand: str, call: ToolCalled, entry: str) -> None:
        """Makes a call and reports its result, or that it had to be left."""
        try:
            result = await self._result(errand, call)
            await self._link.persist(lambda: self._report(errand, result, entry))
        except asyncio.CancelledError:
            with suppress(*TROUBLE):
                async with asyncio.timeout(_LAST_WORD_S):
                    await self._report(errand, _LOST, entry)
            raise

    async def _result(self, errand: str, call: ToolCalled) -> ErrandNews:
        """Makes a call, reports how it gets on, and returns what it comes to."""
        result = _LOST
        try:
            async with aclosing(self._make(call)) as reports:
                async for result in reports:
                    if not result.done:
                        with suppress(*TROUBLE):  # progress may get lost, a result may not
                            await self._report(errand, result)
                        heed_cancel()
        except Exception:  # a fault of ours costs this call, not the worker
            log.exception("errand failed", errand=errand)
            return _FAULT
        return result

    async def _report(self, errand: str, news: ErrandNews, entry: str = "") -> None:
        """Adds to the errand's news, and with `entry` takes it off the list, in one step."""
        stream = self._keys.errand_news(errand)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(stream, {"news": msgspec.json.encode(news)}, maxlen=_KEPT_NEWS)
            pipe.pexpire(stream, _NEWS_LIVE_MS)
            if entry:
                pipe.xack(self._keys.errands, _GROUP, entry)
                pipe.xdel(self._keys.errands, entry)
            await pipe.execute()

    async def _read(self, entry: Entry) -> tuple[str, ToolCalled] | None:
        """The errand's name and its call. One that is malformed is taken off the list: no other worker could
        read it, and who waits for it, if anybody, cannot be told."""
        try:
            return msgspec.json.decode(entry.payload, type=tuple[str, AskedCall])
        except (msgspec.MsgspecError, RecursionError) as error:  # the latter for what is nested too deeply
            log.error("errand given up", entry=entry.id, reason=str(error))
            await self._link.persist(lambda: self._strike_off(entry.id))
            return None

    async def _strike_off(self, entry: str) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._keys.errands, _GROUP, entry)
            pipe.xdel(self._keys.errands, entry)
            await pipe.execute()
