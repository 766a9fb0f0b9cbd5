"""What one task waits for, and others ring."""

import asyncio


class SingleWaiterEvent:
    """An `asyncio.Event` for a single task to wait for, at a tenth of its size: every session has several."""

    __slots__ = ("_rung", "_waiter")

    def __init__(self) -> None:
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether it has been rung."""
        return self._rung

    def set(self) -> None:
        """Rings it: who waits goes on, and who comes later need not wait."""
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """It has been heard."""
        self._rung = False

    async def wait(self) -> None:
        """Until it is rung, unless it has been. Only one task may wait at a time."""
        if self._rung:
            return
        assert self._waiter is None, "somebody waits already"
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
