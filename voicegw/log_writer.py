"""Writes the log in a thread, so that a log call never waits for the reader of the log."""

import io
import os
import threading
from collections import deque
from collections.abc import Callable

_CAPACITY_BYTES = 1 << 20


class LogWriter(io.TextIOBase):
    """A text stream to the file descriptor `descriptor` whose `write` returns at once.

    A thread writes what it is given. Up to `capacity` bytes wait for it; a line that does not fit is dropped
    and counted, as is one that the descriptor refuses (a full disk, a closed pipe). When lines flow again,
    the thread calls `report` with the number of those that were dropped since the last time. It does not
    write to `sys.stderr`, because Python aborts a process that ends while a thread is blocked there.
    """

    def __init__(
        self, descriptor: int, report: Callable[[int], object], capacity: int = _CAPACITY_BYTES
    ) -> None:
        self._descriptor, self._report, self._capacity = descriptor, report, capacity
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0  # of the lines, and of the one that is being written
        self._dropped = self._reported = 0
        self._ending = False
        self._changed = threading.Condition()  # reentrant: collecting garbage may log
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """How many lines were dropped."""
        return self._dropped

    def write(self, text: str) -> int:
        """Leaves one line, with its end, to the thread."""
        line = text.encode(errors="backslashreplace")
        with self._changed:
            if self._ending or self._waiting_bytes + len(line) > self._capacity:
                self._dropped += 1
                return len(text)
            self._lines.append(line)
            self._waiting_bytes += len(line)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
                self._thread.start()
        return len(text)

    def drain(self, timeout_s: float) -> bool:
        """Waits until everything is written; whether it is, after at most `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting_bytes, timeout_s)

    def stop(self, timeout_s: float) -> None:
        """Drains, and ends the thread. Later lines are dropped."""
        self.drain(timeout_s)
        with self._changed:
            self._ending = True
            self._lines.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        while (line := self._next()) is not None:
            self._account(line, written=self._put(line))

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._ending)
            return self._lines.popleft() if self._lines else None

    def _put(self, line: bytes) -> bool:
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            return False
        return True

    def _account(self, line: bytes, *, written: bool) -> None:
        with self._changed:
            self._waiting_bytes -= len(line)
            self._changed.notify_all()
            self._dropped += not written
            unreported = self._dropped - self._reported
            if not (written and unreported and self._waiting_bytes <= self._capacity // 2):
                return
            self._reported = self._dropped
        self._report(unreported)
