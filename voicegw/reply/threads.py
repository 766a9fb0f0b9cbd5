"""Plain functions of the application, run beside the event loop.

A thread cannot be stopped. One that hangs keeps its place among the few there are until it returns, but does
not keep the server from ending, as an executor's would.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Threads:
    """At most `most` calls at a time; more wait for a place."""

    def __init__(self, most: int, name: str) -> None:
        self._places = asyncio.Semaphore(most)
        self._name = name

    async def run(self, function: Callable[[], Any]) -> Any:
        """What `function` returns; raises what it raises. Cancelled, it leaves the thread to itself."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def end(result: Any, error: Exception | None) -> None:
            self._places.release()
            if error is not None and not future.done():
                future.set_exception(error)
            elif not future.done():
                future.set_result(result)

        def work() -> None:
            result, failure = None, None
            try:
                result = function()
            except Exception as error:  # noqa: BLE001 - raised again in the event loop
                failure = error
            with suppress(RuntimeError):  # the event loop is gone, and with it whoever waited
                loop.call_soon_threadsafe(end, result, failure)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future
