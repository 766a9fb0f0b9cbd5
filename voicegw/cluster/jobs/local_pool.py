"""The recognition processes on a worker's machine, and how busy they are."""

import time
from typing import Protocol

from voicegw.core.recognizer import Recognizer


class LocalPool(Recognizer, Protocol):
    """The recognition processes on a worker's machine."""

    @property
    def capacity(self) -> int:
        """Jobs that can be done at once; 0 while no process is warm."""
        ...

    @property
    def warm(self) -> int:
        """Processes that are warm."""
        ...

    @property
    def busy_s(self) -> float:
        """The decode time of all processes together, in seconds."""
        ...


class BusyShare:
    """The share of the time between two measurements in which the processes of a pool decoded, 0 to 1."""

    def __init__(self, pool: LocalPool) -> None:
        self._pool = pool
        self._looked_at, self._busy_s = time.monotonic(), 0.0

    def measure(self, now: float) -> float:
        """The share since the last measurement."""
        busy_s, passed_s = self._pool.busy_s - self._busy_s, now - self._looked_at
        self._looked_at, self._busy_s = now, self._pool.busy_s
        there_s = passed_s * max(1, self._pool.warm)
        return min(1.0, busy_s / there_s) if there_s > 0 else 0.0
