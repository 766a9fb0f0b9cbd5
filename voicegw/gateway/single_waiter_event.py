"""An event for which a single task waits."""

import asyncio


class SingleWaiterEvent:
    """An `asyncio.Event` for one waiting task, at a tenth of its size: every session has several."""

    __slots__ = ("_is_set", "_waiter")

    def __init__(self) -> None:
        self._is_set = False
        self._waiter: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether the event is set."""
        return self._is_set

    def set(self) -> None:
        """Sets the event: wakes the waiting task; a later `wait` returns at once."""
        self._is_set = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """Resets the event."""
        self._is_set = False

    async def wait(self) -> None:
        """Waits until the event is set. Only one task may wait at a time."""
        if self._is_set:
            return
        assert self._waiter is None, "another task waits already"
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
