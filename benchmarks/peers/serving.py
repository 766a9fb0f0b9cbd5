"""A peer's server as a process group of its own, on a free loopback port, for the duration of a block."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import IO

from benchmarks.peers.peer import Peer, Setup
from clients.errors import ServerFailed

READY_S = 120.0  # importing PyTorch and loading the model, on a slow and busy machine
POLL_S = 0.25
STOP_S = 10.0
LOG_TAIL_CHARACTERS = 2_000

# No download at run time, for any of them: a server that would fetch something fails instead of waiting.
OFFLINE = {"HF_HUB_OFFLINE": "1", "NO_PROXY": "*", "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True)
class Server:
    """A running server: where its WebSocket is, and its process id."""

    url: str
    pid: int


@asynccontextmanager
async def serving(peer: Peer, setup: Setup) -> AsyncIterator[Server]:
    """The peer's server, ready; its whole process group is stopped when the block is left.

    Raises ServerFailed, with the end of the server's log, when it exits or is not ready in time.
    """
    visible = {} if setup.is_cuda else {"CUDA_VISIBLE_DEVICES": ""}
    environment = {**os.environ, **OFFLINE, **visible, "HOME": str(setup.home), **peer.environment(setup)}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = await asyncio.create_subprocess_exec(
            *peer.command(setup),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            await _ready(process, peer, setup.port, log)
            yield Server(f"ws://127.0.0.1:{setup.port}{peer.path}", process.pid)
        finally:
            await _stop(process)


async def _ready(process: asyncio.subprocess.Process, peer: Peer, port: int, log: IO[str]) -> None:
    try:
        async with asyncio.timeout(READY_S):
            while not await _answers(port, peer.health):
                if process.returncode is not None:
                    raise ServerFailed(f"{peer.name} exited\n{_tail(log)}")
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise ServerFailed(f"{peer.name} was not ready in {READY_S:g} s\n{_tail(log)}") from None


async def _answers(port: int, page: str) -> bool:
    """Whether the port listens and, when there is a page to ask for, it answers 200 and nothing unready."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        if not page:
            return True
        writer.write(f"GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    except OSError:
        return False
    finally:
        writer.close()
    return b" 200 " in answer.partition(b"\r\n")[0] and b'"ready":false' not in answer.replace(b" ", b"")


async def _stop(process: asyncio.subprocess.Process) -> None:
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_S)
    # Also ends child processes that are left.
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)


def _tail(log: IO[str]) -> str:
    log.seek(0)
    return log.read()[-LOG_TAIL_CHARACTERS:].rstrip()
