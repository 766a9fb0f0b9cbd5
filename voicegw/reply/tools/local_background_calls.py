"""Background calls in this process: a bounded queue, and a few tasks that work it off.

A full queue refuses, and so does one where nobody else would find a place; the model is told so. What an
background call says is kept for whoever follows it, the newest progress only; a result that nobody has
fetched makes room when too many have piled up.
"""

import asyncio
import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.errors import ToolFailed
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import failed
from voicegw.telemetry import Metrics

KEPT_PROGRESS = 20


@dataclass(eq=False)
class _BackgroundCall:
    """A call, and its news that nobody has seen yet."""

    name: str
    call: ToolCalled
    owner: str
    news: deque[CallProgress] = field(default_factory=lambda: deque(maxlen=KEPT_PROGRESS))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, news: CallProgress) -> None:
        self.news.append(news)
        self.changed.set()


class LocalBackgroundCalls:
    """The background calls of one process. `run` does a call and reports, ending with the result
    (Toolbox.run)."""

    def __init__(
        self,
        run: Callable[[ToolCalled], AsyncGenerator[CallProgress, None]],
        options: ToolOptions,
        metrics: Metrics,
    ) -> None:
        self._run = run
        self._kept = 2 * (options.max_background + options.background_at_once)
        self._at_once = options.background_at_once
        self._share = max(1, options.background_at_once - 1)
        self._calls = Counter[str]()  # by owner, running or waiting
        self._queue: asyncio.Queue[_BackgroundCall] = asyncio.Queue(options.max_background)
        self._background_calls: OrderedDict[str, _BackgroundCall] = OrderedDict()
        self._workers: set[asyncio.Task[None]] = set()
        metrics.background_calls_waiting.set_function(self._queue.qsize)

    async def submit(self, call: ToolCalled) -> str:
        """The background call's name. Raises ToolFailed when the queue is full, or the share of the call's
        owner is used up: one place is left for others."""
        background_call = _BackgroundCall(secrets.token_urlsafe(9), call, AskedCall.of(call).owner)
        if background_call.owner and self._calls[background_call.owner] >= self._share:
            raise ToolFailed("the calls before are to be done first")
        try:
            self._queue.put_nowait(background_call)
        except asyncio.QueueFull:
            raise ToolFailed("too many calls are waiting in the background already") from None
        self._background_calls[background_call.name] = background_call
        self._calls[background_call.owner] += 1
        while len(self._background_calls) > self._kept:
            self._background_calls.popitem(last=False)
        if len(self._workers) < self._at_once:
            self._workers.add(asyncio.create_task(self._work(), name="background_calls"))
        return background_call.name

    async def follow(self, background_call: str) -> AsyncGenerator[CallProgress, None]:
        """The background call's news, ending with its result. It is forgotten once its follower has left."""
        entry = self._background_calls.get(background_call)
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
            self._background_calls.pop(background_call, None)

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
                background_call = self._queue.get_nowait()
                try:
                    async with aclosing(self._run(background_call.call)) as reports:
                        async for news in reports:
                            background_call.tell(news)
                finally:
                    self._calls -= Counter((background_call.owner,))
        finally:
            self._workers.difference_update({task})
