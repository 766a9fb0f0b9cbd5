"""Processes of a benchmark that are told things in lines on stdin and answer in lines on stdout."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from clients.errors import ClientError

ANSWER_S = 60.0  # beyond what an order takes by itself, on a busy machine
END_S = 20.0
_LONGEST_LINE = 2**24

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Talker:
    """A process, and the first line it printed."""

    process: asyncio.subprocess.Process
    greeting: str

    async def ask(self, order: bytes, answer: type[Answer], takes_s: float = 0.0) -> Answer:
        """Writes a line and reads one as JSON. Raises ClientError when there is none."""
        assert self.process.stdin is not None
        self.process.stdin.write(order + b"\n")
        line = await _line(self.process, takes_s + ANSWER_S)
        return msgspec.json.decode(line, type=answer)

    def pin(self, core: int) -> None:
        """Keeps the process on one core of this machine."""
        os.sched_setaffinity(self.process.pid, {core})


@asynccontextmanager
async def talker(module: str, *arguments: str) -> AsyncIterator[Talker]:
    """`python -m MODULE ARGUMENTS`, once it has printed its first line; ended when the block is left.

    Raises ClientError when it does not begin.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        yield Talker(process, (await _line(process, ANSWER_S)).decode().strip())
    finally:
        await _end(process)


async def _line(process: asyncio.subprocess.Process, within_s: float) -> bytes:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), within_s)
    except TimeoutError:
        raise ClientError(f"a process of the benchmark did not answer in {within_s:g} s") from None
    if not line:
        raise ClientError("a process of the benchmark ended before its time; its trouble stands above")
    return line


async def _end(process: asyncio.subprocess.Process) -> None:
    """The end of its input is its end; if not, it is killed."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), END_S)
    except TimeoutError:
        process.kill()
        await process.wait()
