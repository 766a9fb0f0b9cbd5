"""A child process ends with its block."""

import sys

import pytest

from tests.observing import is_running
from voicegw.child_process import running

ECHO = (sys.executable, "-c", "import os, sys; print(sys.stdin.read(), os.environ.get('SECRET'))")
ENDLESS = (sys.executable, "-c", "while True: print('x' * 1000)")


async def test_what_it_reads_and_writes() -> None:
    async with running(ECHO, {"SECRET": "no"}) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello")
        process.stdin.write_eof()
        assert await process.stdout.read() == b"hello no\n"


async def test_it_is_killed_however_the_block_ends() -> None:
    with pytest.raises(ZeroDivisionError):
        async with running(ENDLESS) as process:
            raise ZeroDivisionError
    assert not is_running(process.pid)
