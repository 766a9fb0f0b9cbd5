"""Child processes of a benchmark, which read requests as lines on stdin and answer in lines on stdout."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from clients.errors import ClientError

ANSWER_S = 60.0  # beyond the time that a request takes by itself, on a busy machine
END_S = 20.0
_LONGEST_LINE = 2**24

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class ChildProcess:
    """A process, and the first line it printed."""

    process: asyncio.subprocess.Process
    first_line: str

    async def ask(self, request: bytes, answer: type[Answer], takes_s: float = 0.0) -> Answer:
        """Writes a line and reads one as JSON. Raises ClientError when there is none."""
        assert self.process.stdin is not None
        self.process.stdin.write(request + b"\n")
        line = await _line(self.process, takes_s + ANSWER_S)
        return msgspec.json.decode(line, type=answer)

    def pin(self, core: int) -> None:
        """Restricts the process to one core of this machine."""
        os.sched_setaffinity(self.process.pid, {core})


@asynccontextmanager
async def child_process(module: str, *arguments: str) -> AsyncIterator[ChildProcess]:
    """`python -m MODULE ARGUMENTS`, after it has printed its first line; it is ended after the block.

    Raises ClientError when it prints none.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        yield ChildProcess(process, (await _line(process, ANSWER_S)).decode().strip())
    finally:
        await _end(process)


async def _line(process: asyncio.subprocess.Process, within_s: float) -> bytes:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), within_s)
    except TimeoutError:
        raise ClientError(f"a process of the benchmark did not answer in {within_s:g} s") from None
    if not line:
        raise ClientError("a process of the benchmark ended too early; its error output is above")
    return line


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closes its input, which ends it; kills it if it does not end."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), END_S)
    except TimeoutError:
        process.kill()
        await process.wait()
