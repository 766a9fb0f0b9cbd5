"""MCP servers that are programs: JSON-RPC messages by standard input and output, one on each line.

The library's own transport reads lines of any length, in a time that grows with the square of the length.
Here a program that writes too long a message is ended.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from voicegw.errors import ToolFailed

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

MAX_MESSAGE_BYTES = 1_000_000
_END_S = 2.0  # after the end of the input, and after SIGTERM
_DRAIN_BYTES = 65_536


@asynccontextmanager
async def mcp_program(command: Sequence[str], environment: Mapping[str, str]) -> AsyncGenerator[Any]:
    """A transport of the library's client: its two streams of messages. The program is ended with the block,
    and so are the processes that it has started. environment: its variables, besides a few such as PATH.

    Raises OSError if it cannot be started, and a group of ToolFailed when it writes too long a message.
    """
    import anyio
    from mcp.client.stdio import get_default_environment

    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,  # it may contain what users say
        env=get_default_environment() | dict(environment),
        limit=MAX_MESSAGE_BYTES,
        start_new_session=True,
    )
    read, received = anyio.create_memory_object_stream[Any](0)[::-1]
    written, to_write = anyio.create_memory_object_stream[Any](0)
    try:
        async with read, written, anyio.create_task_group() as tasks:
            tasks.start_soon(_read, process, received)
            tasks.start_soon(_write, process, to_write)
            yield read, written
            tasks.cancel_scope.cancel()
    finally:
        await _end(process)


async def _read(process: Process, received: "MemoryObjectSendStream[Any]") -> None:
    """Passes the messages of the program to the client; closes the stream when there are no more."""
    from anyio import BrokenResourceError

    assert process.stdout is not None, "it has pipes"
    async with received:
        # the first two: the program has ended; the last one: the client reads no more
        with suppress(asyncio.IncompleteReadError, ConnectionError, BrokenResourceError):
            try:
                while True:
                    await received.send(_message(await process.stdout.readuntil()))
            except asyncio.LimitOverrunError:
                raise ToolFailed(f"it wrote a message of over {MAX_MESSAGE_BYTES} bytes") from None


def _message(line: bytes) -> Any:
    """The message in a line; the error of one that cannot be read, which the client skips."""
    from mcp.shared.message import SessionMessage
    from mcp.types import jsonrpc_message_adapter

    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _write(process: Process, to_write: "MemoryObjectReceiveStream[Any]") -> None:
    """Passes the messages of the client to the program."""
    assert process.stdin is not None, "it has pipes"
    async with to_write:
        with suppress(ConnectionError):  # it has ended, as its output tells
            async for message in to_write:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode(errors="replace") + b"\n")
                await process.stdin.drain()


async def _end(process: Process) -> None:
    """Ends the program: it may end by itself when its input has ended. Kills it at once when cancelled."""
    assert process.stdin is not None, "it has pipes"
    process.stdin.close()
    try:
        await _wait_for_end(process)
        _signal_group(process, signal.SIGTERM)
        await _wait_for_end(process)
    finally:
        _signal_group(process, signal.SIGKILL)
    await _wait_for_end(process)


def _signal_group(process: Process, number: signal.Signals) -> None:
    """Signals the program and what it has started, which may still run when the program has ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


async def _wait_for_end(process: Process) -> None:
    """Waits a little: a process that it has started in a group of its own may keep its output open."""
    assert process.stdout is not None, "it has pipes"
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_S):
            while await process.stdout.read(_DRAIN_BYTES):
                pass  # asyncio reports the end only after all output was read
            await process.wait()
