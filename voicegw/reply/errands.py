"""Errands in this process: a bounded queue, and a few tasks that work it off.

A full queue refuses, and so does one where nobody else would find a place; the model is told so. What an
errand says is kept for whoever follows it, the newest progress only; a result that nobody has fetched makes
room when too many have piled up.
"""

import asyncio
import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from voicegw.core.errands import AskedCall, ErrandNews
from voicegw.core.events import ToolCalled
from voicegw.errors import ToolFailed
from voicegw.reply.toolbox import failed
from voicegw.reply.tools import ToolOptions
from voicegw.telemetry import Metrics

KEPT_PROGRESS = 20


@dataclass(eq=False)
class _Errand:
    """A call, and its news that nobody has seen yet."""

    name: str
    call: ToolCalled
    owner: str
    news: deque[ErrandNews] = field(default_factory=lambda: deque(maxlen=KEPT_PROGRESS))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, news: ErrandNews) -> None:
        self.news.append(news)
        self.changed.set()


class LocalErrands:
    """The errands of one process. `run` does a call and reports, ending with the result (Toolbox.run)."""

    def __init__(
        self,
        run: Callable[[ToolCalled], AsyncGenerator[ErrandNews, None]],
        options: ToolOptions,
        metrics: Metrics,
    ) -> None:
        self._run = run
        self._kept = 2 * (options.max_errands + options.errands_at_once)
        self._at_once = options.errands_at_once
        self._share = max(1, options.errands_at_once - 1)
        self._calls = Counter[str]()  # by owner, running or waiting
        self._queue: asyncio.Queue[_Errand] = asyncio.Queue(options.max_errands)
        self._errands: OrderedDict[str, _Errand] = OrderedDict()
        self._workers: set[asyncio.Task[None]] = set()
        metrics.errands_waiting.set_function(self._queue.qsize)

    async def submit(self, call: ToolCalled) -> str:
        """The errand's name. Raises ToolFailed when the queue is full, or the share of the call's owner is
        used up: one place is left for others."""
        errand = _Errand(secrets.token_urlsafe(9), call, AskedCall.of(call).owner)
        if errand.owner and self._calls[errand.owner] >= self._share:
            raise ToolFailed("the calls before are to be done first")
        try:
            self._queue.put_nowait(errand)
        except asyncio.QueueFull:
            raise ToolFailed("too many calls are waiting in the background already") from None
        self._errands[errand.name] = errand
        self._calls[errand.owner] += 1
        while len(self._errands) > self._kept:
            self._errands.popitem(last=False)
        if len(self._workers) < self._at_once:
            self._workers.add(asyncio.create_task(self._work(), name="errands"))
        return errand.name

    async def follow(self, errand: str) -> AsyncGenerator[ErrandNews, None]:
        """The errand's news, ending with its result. It is forgotten once its follower has left."""
        entry = self._errands.get(errand)
        if entry is None:
            yield failed("the call was lost")
            return
        try:
            while True:
                await entry.changed.wait()
                entry.changed.clear()
                while entry.news:
                    news = entry.news.popleft()
                    yield news
                    if news.done:
                        return
        finally:
            self._errands.pop(errand, None)

    async def close(self) -> None:
        """Gives up what still runs."""
        for worker in tuple(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        """Works the queue off, and leaves when it is empty: in the same step, so that whoever queues next
        sees that a worker is missing."""
        task = asyncio.current_task()
        try:
            while not self._queue.empty():
                errand = self._queue.get_nowait()
                try:
                    async with aclosing(self._run(errand.call)) as reports:
                        async for news in reports:
                            errand.tell(news)
                finally:
                    self._calls -= Counter((errand.owner,))
        finally:
            self._workers.difference_update({task})
