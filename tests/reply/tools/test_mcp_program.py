"""Programs as MCP servers: their messages, and their end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification

from tests.observing import PATIENCE_S, until
from voicegw.errors import ToolFailed
from voicegw.reply.tools import mcp_program as module
from voicegw.reply.tools.mcp_program import MAX_MESSAGE_BYTES, mcp_program

NOTE = '{"jsonrpc":"2.0","method":"note"}'


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def first(code: str) -> object:
    """The first message of a program."""
    async with asyncio.timeout(PATIENCE_S), mcp_program(python(code), {}) as (read, _):
        return await read.receive()


async def test_messages_go_both_ways() -> None:
    echo = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    async with asyncio.timeout(PATIENCE_S), mcp_program(python(echo), {}) as (read, write):
        await write.send(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="ä")))
        assert (await read.receive()).message.method == "ä"


async def test_what_is_no_message_is_an_error_that_the_client_skips() -> None:
    assert isinstance(await first("print('starting', flush=True)"), ValueError)


async def test_a_message_may_be_long_but_not_too_long() -> None:
    fits = f"print('{NOTE}' + ' ' * {MAX_MESSAGE_BYTES - 200}, flush=True)"
    assert isinstance(await first(fits), SessionMessage)
    with pytest.raises(ExceptionGroup) as raised:
        await first(f"import sys\nwhile True: sys.stdout.write('x' * {MAX_MESSAGE_BYTES})")
    assert raised.group_contains(ToolFailed, match="over 1000000 bytes")


@pytest.mark.parametrize("ignored", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN);"])
async def test_the_program_is_ended_and_what_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    monkeypatch.setattr(module, "_END_S", 0.1)
    path = tmp_path / "pids"
    code = (
        f"import os, signal, time; {ignored} child = os.fork();"
        f"open({str(path)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(600)"
    )
    async with asyncio.timeout(PATIENCE_S), mcp_program(python(code), {}):
        await until(lambda: path.exists() and len(path.read_text().split()) == 2)
    pids = [int(pid) for pid in path.read_text().split()]
    await until(lambda: not any(map(running, pids)))


async def test_the_program_is_killed_when_its_end_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ending = tmp_path / "pid", asyncio.Event()

    async def wait_for_end(_: object) -> None:
        ending.set()
        await asyncio.Event().wait()

    async def run() -> None:
        async with mcp_program(python(code), {}):
            await until(lambda: path.exists() and path.read_text() != "")

    monkeypatch.setattr(module, "_wait_for_end", wait_for_end)
    code = f"import os, time; open({str(path)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    task = asyncio.create_task(run())
    await asyncio.wait_for(ending.wait(), PATIENCE_S)
    task.cancel()
    await until(lambda: not running(int(path.read_text())))
    assert task.cancelled()


async def test_what_it_has_started_elsewhere_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_END_S", 0.1)
    path = tmp_path / "pid"
    code = (
        "import os, time; child = os.fork(); child or os.setsid();"
        f"child or open({str(path)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    async with asyncio.timeout(PATIENCE_S), mcp_program(python(code), {}):
        await until(lambda: path.exists() and path.read_text() != "")
    os.kill(int(path.read_text()), signal.SIGKILL)


def running(pid: int) -> bool:
    """Whether the process still runs, other than as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
