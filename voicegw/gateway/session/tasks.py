"""The tasks of one session."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks(asyncio.TaskGroup):
    """A task group that can cancel its tasks."""

    def __init__(self) -> None:
        super().__init__()
        self._started: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Starts a task that ends with the session."""
        task = self.create_task(work, name=name)
        self._started.add(task)
        task.add_done_callback(self._started.discard)
        return task

    def cancel(self) -> None:
        """Cancels all tasks."""
        for task in tuple(self._started):
            task.cancel()
