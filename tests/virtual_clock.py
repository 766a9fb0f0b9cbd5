"""A clock for tests that jumps to the next timer when the event loop has nothing else to do.

Sleeps and timeouts then take no real time, and keep their order. `time.monotonic`, and so the time of the
event loop, is ahead of the real clock by the sum of all jumps. Loopback sockets work when both of their ends
are in this event loop, because the kernel delivers their data at once. There is no jump while work runs in a
thread. Other processes, such as a Redis server, do not see the jumps: tests with them need the real clock.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_GRACE_S = 0.001  # real time in which data that was just sent over a socket arrives


class VirtualClock:
    """The clock of one event loop. jumped_s: by how much it is ahead of the real clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.jumped_s = 0.0
        self._real_monotonic = time.monotonic
        self._loop = loop
        self._selector: Any = loop._selector  # type: ignore[attr-defined]  # there is no public way
        self._select = self._selector.select
        self._run_in_executor = loop.run_in_executor
        self._in_threads = 0

    def monotonic(self) -> float:
        """The virtual time in monotonic seconds."""
        return self._real_monotonic() + self.jumped_s

    def select(self, timeout: float | None = None) -> list[Any]:
        """Replaces the `select` of the event loop: jumps by `timeout` unless a file is ready before."""
        if timeout is None or timeout <= _GRACE_S or self._in_threads:
            return self._ready(timeout)
        ready = self._ready(_GRACE_S)
        if not ready:
            self.jumped_s += timeout - _GRACE_S
        return ready

    def _ready(self, timeout: float | None) -> list[Any]:
        ready: list[Any] = self._select(timeout)
        return ready

    def run_in_executor(self, executor: Any, function: Any, *arguments: Any) -> asyncio.Future[Any]:
        """Replaces the method of the event loop: no jumps while the function runs in its thread."""
        future = self._run_in_executor(executor, function, *arguments)
        self._in_threads += 1
        future.add_done_callback(self._leave_thread)
        return future

    def _leave_thread(self, _: object) -> None:
        self._in_threads -= 1

    @contextmanager
    def installed(self) -> Iterator["VirtualClock"]:
        """Uses this clock in its event loop and as `time.monotonic` during the block."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "monotonic", self.monotonic)
            patch.setattr(self._selector, "select", self.select)
            patch.setattr(self._loop, "run_in_executor", self.run_in_executor)
            yield self
