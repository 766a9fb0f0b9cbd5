"""Functions in threads: few at a time, and one that hangs costs its place only."""

import asyncio
import subprocess
import sys
import threading

import pytest

from voicegw.reply.threads import Threads

HANGS = """
import asyncio, threading
from voicegw.reply.threads import Threads
async def main():
    try:
        async with asyncio.timeout(0.1):
            await Threads(1, "it").run(threading.Event().wait)
    except TimeoutError:
        print("left")
asyncio.run(main())
"""


async def test_a_result() -> None:
    assert await Threads(1, "it").run(lambda: 7) == 7


async def test_an_exception() -> None:
    with pytest.raises(ZeroDivisionError):
        await Threads(1, "it").run(lambda: 1 // 0)


async def test_so_many_at_a_time() -> None:
    threads, gate = Threads(2, "it"), threading.Event()
    running = [asyncio.create_task(threads.run(gate.wait)) for _ in range(5)]
    await asyncio.sleep(0.02)
    assert sum(thread.name == "it" for thread in threading.enumerate()) == 2
    gate.set()
    assert await asyncio.gather(*running) == [True] * 5


async def test_one_that_hangs_keeps_its_place_until_it_returns() -> None:
    threads, gate = Threads(1, "it"), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await threads.run(gate.wait)
    following = asyncio.create_task(threads.run(lambda: 7))
    await asyncio.sleep(0.02)
    assert not following.done()
    gate.set()
    assert await asyncio.wait_for(following, 5) == 7


def test_one_that_hangs_does_not_keep_the_process_from_ending() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=30, check=True
    )
    assert ran.stdout == "left\n"
