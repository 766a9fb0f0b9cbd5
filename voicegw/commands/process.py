"""What every command needs of its process: standard streams, signals, and the garbage collector."""

import asyncio
import gc
import itertools
import os
import signal
import sys
from collections.abc import Awaitable
from typing import TypeVar

import structlog

from voicegw.errors import StartupError

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


def open_standard_streams() -> None:
    """Opens closed standard streams, also for child processes; otherwise the next opened file or socket would
    get their descriptor."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
            os.set_inheritable(descriptor, True)
    sys.stdout = sys.stdout or os.fdopen(1, "w")  # None if it was closed at the start of Python
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def print_text(text: str) -> None:
    """Writes to standard output. Raises StartupError when that fails."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise Python fails again at exit
        raise StartupError(f"cannot write to standard output: {error.strerror}") from error


def announce(ready: str) -> None:
    """Prints that the process is ready; logs a warning when standard output is closed."""
    try:
        print_text(ready)
    except StartupError as error:
        log.warning("cannot print that the process is ready", line=ready, reason=error.message)


def freeze_gc() -> None:
    """Excludes all current objects from garbage collection. Nearly all of them belong to modules, and a
    collection over them would delay all sessions by tens of milliseconds."""
    gc.collect()
    gc.freeze()


async def run_until(stop: asyncio.Event, work: Awaitable[Result]) -> Result | None:
    """The result of `work`; None when `stop` is set first, which cancels it."""
    stopped, working = asyncio.create_task(stop.wait()), asyncio.ensure_future(work)
    try:
        await asyncio.wait((stopped, working), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.gather(stopped, working, return_exceptions=True)


def on_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Events that the first and the second SIGTERM or SIGINT set."""
    stopping, forced = asyncio.Event(), asyncio.Event()
    numbers = itertools.count()  # `stopping` may be set by others, too

    def receive() -> None:
        (forced if next(numbers) else stopping).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, receive)
    return stopping, forced
