"""Threads for plain functions of the application, beside the event loop.

A thread cannot be stopped. One that hangs keeps its slot until it returns, but unlike a thread of an executor
it does not keep the server from exiting.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any


class Threads:
    """At most `slots` calls at a time, and half as many of one owner; further calls wait for a slot."""

    def __init__(self, slots: int, name: str) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._slots_per_owner = max(1, slots // 2)
        self._owner_slots: dict[str, asyncio.Semaphore] = {}
        self._calls = Counter[str]()  # by owner, running or waiting
        self._name = name

    async def run(self, function: Callable[[], Any], owner: str = "") -> Any:
        """Returns what `function` returns, and raises what it raises. When this is cancelled, the thread runs
        on and keeps its slot. owner: the user of the call; calls without one have no limit per owner."""
        with ExitStack() as stack:
            await self._acquire_slot(owner, stack)
            slot = stack.pop_all()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def finish(result: Any, error: BaseException | None) -> None:
            slot.close()
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
            with suppress(RuntimeError):  # the event loop is closed
                loop.call_soon_threadsafe(finish, result, failure)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future

    async def _acquire_slot(self, owner: str, slot: ExitStack) -> None:
        """Closing `slot` releases it."""
        self._calls[owner] += 1
        slot.callback(self._end_call, owner)
        if owner:
            owner_slots = self._owner_slots.setdefault(owner, asyncio.Semaphore(self._slots_per_owner))
            await owner_slots.acquire()
            slot.callback(owner_slots.release)
        await self._slots.acquire()
        slot.callback(self._slots.release)

    def _end_call(self, owner: str) -> None:
        self._calls[owner] -= 1
        if not self._calls[owner]:
            del self._calls[owner]
            self._owner_slots.pop(owner, None)


def _can_be_raised(error: BaseException) -> bool:
    """Whether a future accepts the error, and the event loop survives it."""
    return isinstance(error, Exception) and not isinstance(error, StopIteration)
