"""A server process on a free loopback port, for the duration of a block.

`voicegw serve` prints one line on stdout when it is ready. Its log, on stderr, is shown only when it does not
start or when the block fails.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from clients.errors import ServerFailed

READY_S = 300.0  # loading and warming the model, on a slow and busy machine
STOP_S = 20.0  # the drain; after that the server is killed
LOG_TAIL_CHARACTERS = 4_000
ADMITTING = (*("--gateway.admission.max-loop-lag-ms", "60000"), *("--pool.overload-wait-ms", "60000"))
"""Options with which a server admits several clients although other programs keep the machine busy."""
READY_LINE = re.compile(r"listening on (wss?://\S+)")


@dataclass(frozen=True)
class LocalServer:
    """A running server: its URL, and its process id, whose children are its workers."""

    url: str
    pid: int


@asynccontextmanager
async def local_server(*arguments: str, ready_s: float = READY_S) -> AsyncIterator[LocalServer]:
    """`voicegw serve ARGUMENTS`, ready; stopped by SIGTERM after the block.

    Raises ServerFailed when it exits or is not ready in `ready_s`.
    """
    command = (sys.executable, "-m", "voicegw.cli", "serve", "--port", "0", *arguments)
    async with running(command, ready_s) as server:
        yield server


@asynccontextmanager
async def running(command: Sequence[str], ready_s: float) -> AsyncIterator[LocalServer]:
    """Any command that prints the ready line, as `local_server`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        try:
            yield LocalServer(await _ready(process, ready_s), process.pid)
        except Exception:
            _show(log)
            raise
        finally:
            await _stop(process)


async def _ready(process: asyncio.subprocess.Process, ready_s: float) -> str:
    """The URL in the ready line."""
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), ready_s)).decode(errors="replace")
    except TimeoutError:
        raise ServerFailed(f"the server was not ready in {ready_s:g} s") from None
    match = READY_LINE.search(line)
    if match is None:
        raise ServerFailed(f"the server did not start: {line.strip() or 'it exited'}")
    return match[1]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _show(log: IO[str]) -> None:
    log.seek(0)
    print(f"the server's log ends with\n{log.read()[-LOG_TAIL_CHARACTERS:].rstrip()}", file=sys.stderr)
