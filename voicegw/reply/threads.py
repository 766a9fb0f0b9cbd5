"""Plain functions of the application, run beside the event loop.

A thread cannot be stopped. One that hangs keeps its place among the few there are until it returns, but does
not keep the server from ending, as an executor's would.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any


class Threads:
    """At most `most` calls at a time, and half as many of one owner; more wait for a place."""

    def __init__(self, most: int, name: str) -> None:
        self._places = asyncio.Semaphore(most)
        self._share = max(1, most // 2)
        self._shares: dict[str, asyncio.Semaphore] = {}
        self._calls = Counter[str]()  # by owner, running or waiting
        self._name = name

    async def run(self, function: Callable[[], Any], owner: str = "") -> Any:
        """What `function` returns; raises what it raises. Cancelled, it leaves the thread to itself. owner:
        whose call it is; empty for nobody's, which has no share."""
        with ExitStack() as stack:
            await self._take_place(owner, stack)
            held = stack.pop_all()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def end(result: Any, error: BaseException | None) -> None:
            held.close()
            if error is not None and not future.done():
                future.set_exception(error)
            elif not future.done():
                future.set_result(result)

        def work() -> None:
            result, failure = None, None
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - raised again in the event loop
                failure = error if _can_be_raised(error) else RuntimeError(type(error).__name__)
            with suppress(RuntimeError):  # the event loop is gone, and with it whoever waited
                loop.call_soon_threadsafe(end, result, failure)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future

    async def _take_place(self, owner: str, held: ExitStack) -> None:
        """Closing `held` gives it back."""
        self._calls[owner] += 1
        held.callback(self._end_call, owner)
        if owner:
            share = self._shares.setdefault(owner, asyncio.Semaphore(self._share))
            await share.acquire()
            held.callback(share.release)
        await self._places.acquire()
        held.callback(self._places.release)

    def _end_call(self, owner: str) -> None:
        self._calls[owner] -= 1
        if not self._calls[owner]:
            del self._calls[owner]
            self._shares.pop(owner, None)


def _can_be_raised(error: BaseException) -> bool:
    """Whether a future takes the error, and an event loop goes on after it."""
    return isinstance(error, Exception) and not isinstance(error, StopIteration)
