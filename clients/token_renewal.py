"""Makes a new token while messages are received, because that may take long."""

import asyncio
from collections.abc import Callable, Coroutine


class TokenRenewal:
    """The task that renews the token of a session. renew: makes a token and sends it."""

    def __init__(self, renew: Callable[[], Coroutine[None, None, None]]) -> None:
        self._renew = renew
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Renews the token, unless a renewal is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._renew(), name="token-renewal")

    def check(self) -> None:
        """Raises what the last renewal has raised, once: an error of the user's function would be lost in
        the task."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()

    async def close(self) -> None:
        """Ends a renewal that is under way. An error of it is dropped: no token is needed any more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
