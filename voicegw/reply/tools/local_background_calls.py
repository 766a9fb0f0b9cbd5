"""Background calls in this process: a bounded queue, and a limited number of worker tasks.

A call is refused, with a reason for the model, when the queue is full or its owner already has the largest
share. The updates of a call are kept for its follower, the newest ones only; when too many calls are kept,
the oldest one is dropped.
"""

import asyncio
import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from opentelemetry import context

from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolCalled
from voicegw.errors import ToolFailed
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.toolbox import failed_result
from voicegw.telemetry import Metrics

KEPT_UPDATES = 20


@dataclass(eq=False)
class _BackgroundCall:
    """A call, and its updates that its follower has not received yet. traced_in: where it was submitted; the
    worker task was started by another call, and has its span."""

    id: str
    call: ToolCalled
    owner: str
    traced_in: context.Context
    updates: deque[CallProgress] = field(default_factory=lambda: deque(maxlen=KEPT_UPDATES))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, update: CallProgress) -> None:
        self.updates.append(update)
        self.changed.set()


class LocalBackgroundCalls:
    """The background calls of one process. run: executes a call and yields its updates, the last one with the
    result (Toolbox.run)."""

    def __init__(
        self,
        run: Callable[[ToolCalled], AsyncGenerator[CallProgress, None]],
        options: ToolOptions,
        metrics: Metrics,
    ) -> None:
        self._run = run
        self._max_kept = 2 * (options.max_background + options.background_at_once)
        self._max_workers = options.background_at_once
        self._share = max(1, options.background_at_once - 1)
        self._calls = Counter[str]()  # by owner, running or waiting
        self._queue: asyncio.Queue[_BackgroundCall] = asyncio.Queue(options.max_background)
        self._background_calls: OrderedDict[str, _BackgroundCall] = OrderedDict()
        self._workers: set[asyncio.Task[None]] = set()
        metrics.background_calls_waiting.set_function(self._queue.qsize)

    async def submit(self, call: ToolCalled) -> str:
        """Queues the call and returns the id of the background call. Raises ToolFailed when the queue is
        full, or when its owner already has all workers but one, which is reserved for other owners."""
        background_call = _BackgroundCall(
            secrets.token_urlsafe(9), call, AskedCall.of(call).owner, context.get_current()
        )
        if background_call.owner and self._calls[background_call.owner] >= self._share:
            raise ToolFailed("earlier background calls have to finish first")
        try:
            self._queue.put_nowait(background_call)
        except asyncio.QueueFull:
            raise ToolFailed("too many background calls are waiting") from None
        self._background_calls[background_call.id] = background_call
        self._calls[background_call.owner] += 1
        while len(self._background_calls) > self._max_kept:
            self._background_calls.popitem(last=False)
        if len(self._workers) < self._max_workers:
            self._workers.add(asyncio.create_task(self._work(), name="background calls"))
        return background_call.id

    async def follow(self, background_call: str) -> AsyncGenerator[CallProgress, None]:
        """The updates of the background call, the last one with its result. When the generator is closed, the
        updates are deleted."""
        entry = self._background_calls.get(background_call)
        if entry is None:
            yield failed_result("the call was lost")
            return
        try:
            while True:
                await entry.changed.wait()
                entry.changed.clear()
                while entry.updates:
                    update = entry.updates.popleft()
                    yield update
                    if update.done:
                        return
        finally:
            self._background_calls.pop(background_call, None)

    async def close(self) -> None:
        """Cancels the calls that run."""
        for worker in tuple(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        """Runs queued calls, and ends when the queue is empty. It leaves `_workers` in the same step of the
        event loop, so that the next `submit` starts a new worker."""
        task = asyncio.current_task()
        try:
            while not self._queue.empty():
                background_call = self._queue.get_nowait()
                token = context.attach(background_call.traced_in)
                try:
                    async with aclosing(self._run(background_call.call)) as updates:
                        async for update in updates:
                            background_call.add(update)
                finally:
                    context.detach(token)
                    self._calls -= Counter((background_call.owner,))
        finally:
            self._workers.difference_update({task})
