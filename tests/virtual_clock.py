"""A clock for tests that jumps to the next timer when the event loop has nothing else to do.

Sleeps and timeouts then take no real time, and keep their order. `time.monotonic`, and so the time of the
event loop, hardly advances between the jumps: a busy machine changes no result. Loopback sockets work when
both of their ends are in this event loop, because the kernel delivers their data at once. While work runs in
a thread, the clock advances with the real one. Other processes, such as a Redis server, do not see this
clock: tests with them need the real one.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_GRACE_S = 0.001  # real time in which data that was just sent over a socket arrives
_PASS_S = 1e-6  # by how much a pass of the event loop advances the clock, so that waiting without sleep ends


class VirtualClock:
    """The clock of one event loop. jumped_s: by how much it has advanced."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.jumped_s = 0.0
        self._began = time.monotonic()
        self._loop = loop
        self._selector: Any = loop._selector  # type: ignore[attr-defined]  # there is no public way
        self._select = self._selector.select
        self._run_in_executor = loop.run_in_executor
        self._in_threads = 0

    def monotonic(self) -> float:
        """The virtual time in monotonic seconds."""
        return self._began + self.jumped_s

    def advance(self, seconds: float) -> None:
        """Lets time pass in the middle of work, as when the machine stops the process."""
        self.jumped_s += seconds

    def select(self, timeout: float | None = None) -> list[Any]:
        """Replaces the `select` of the event loop: jumps by `timeout` unless a file is ready before."""
        self.advance(_PASS_S)
        if timeout is None or timeout <= 0:
            return self._ready(timeout)
        if self._in_threads:
            return self._ready_in_real_time(timeout)
        ready = self._ready(min(timeout, _GRACE_S))
        if not ready:
            self.advance(timeout)
        return ready

    def _ready_in_real_time(self, timeout: float) -> list[Any]:
        began = time.perf_counter()
        ready = self._ready(timeout)
        self.advance(min(time.perf_counter() - began, timeout) if ready else timeout)
        return ready

    def _ready(self, timeout: float | None) -> list[Any]:
        ready: list[Any] = self._select(timeout)
        return ready

    def run_in_executor(self, executor: Any, function: Any, *arguments: Any) -> asyncio.Future[Any]:
        """Replaces the method of the event loop: real time while the function runs in its thread."""
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
