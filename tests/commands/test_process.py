"""What every command needs of its process."""

import asyncio
import subprocess
import sys

import pytest

from tests.observing import PATIENCE_S
from voicegw.commands.process import run_until

CHILD = "import os; [os.fstat(descriptor) for descriptor in range(3)]"
SCRIPT = f"""
import subprocess, sys
from voicegw.commands.process import open_standard_streams
open_standard_streams()
sys.exit(subprocess.run([sys.executable, "-c", {CHILD!r}]).returncode)
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_child_processes_have_the_standard_streams_that_were_closed(closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, SCRIPT]
    assert subprocess.run(command, timeout=PATIENCE_S, check=False).returncode == 0


async def test_work_has_its_result_unless_it_is_stopped_first() -> None:
    stop = asyncio.Event()
    assert await run_until(stop, asyncio.sleep(0, "result")) == "result"
    working = asyncio.create_task(asyncio.sleep(600, "result"))
    stop.set()
    assert await run_until(stop, working) is None
    assert working.cancelled()
