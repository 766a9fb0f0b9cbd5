"""What tests see of the system from outside: its processes, and whether something has come true."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from voicegw.core.events import Message
from voicegw.core.responder import ReplyRequest

PATIENCE_S = 120.0  # generous: the machine may be busy, and nothing waits so long when all is well
START_S = 3 * PATIENCE_S  # for a process that imports libraries and loads a model
_POLL_S = 0.01


def children(parent: int | None = None) -> set[int]:
    """The child processes of `parent`, or of this process, those not yet waited for included."""
    wanted = os.getpid() if parent is None else parent
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == wanted:
                found.add(int(stat.parent.name))
    return found


def recognisers() -> set[int]:
    """This process's children that recognise speech."""
    return {pid for pid in children() if b"voicegw.asr.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def is_running(pid: int) -> bool:
    """Whether the process exists and has not ended."""
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def asked(messages: Sequence[Message]) -> ReplyRequest:
    """What a model is asked with these messages, by nobody in particular."""
    return ReplyRequest(tuple(messages))


def certain() -> asyncio.Event:
    """The confirmation of a turn that never was in doubt."""
    confirmed = asyncio.Event()
    confirmed.set()
    return confirmed


async def until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Waits for what no event announces. Raises AssertionError when it does not come."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        await asyncio.sleep(_POLL_S)
