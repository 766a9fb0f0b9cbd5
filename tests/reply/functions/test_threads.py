"""Functions in threads: their number is limited, and one that hangs only keeps its slot."""

import asyncio
import subprocess
import sys
import threading

import pytest

from tests.observing import PATIENCE_S
from voicegw.reply.functions.threads import Threads

HANGS = """
import asyncio, threading
from voicegw.reply.functions.threads import Threads
async def main():
    try:
        async with asyncio.timeout(0.1):
            await Threads(1, "it").run(threading.Event().wait)
    except TimeoutError:
        print("left")
asyncio.run(main())
"""


async def test_the_result_of_a_function_is_returned() -> None:
    assert await Threads(1, "it").run(lambda: 7) == 7


async def test_the_exception_of_a_function_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await Threads(1, "it").run(lambda: 1 // 0)


async def test_the_number_of_running_calls_is_limited() -> None:
    threads, gate = Threads(2, "it"), threading.Event()
    running = [asyncio.create_task(threads.run(gate.wait)) for _ in range(5)]
    await asyncio.sleep(0.02)
    assert sum(thread.name == "it" for thread in threading.enumerate()) == 2
    gate.set()
    assert await asyncio.gather(*running) == [True] * 5


async def test_a_function_that_hangs_keeps_its_slot_until_it_returns() -> None:
    threads, gate = Threads(1, "it"), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await threads.run(gate.wait)
    following = asyncio.create_task(threads.run(lambda: 7))
    await asyncio.sleep(0.02)
    assert not following.done()
    gate.set()
    assert await asyncio.wait_for(following, PATIENCE_S) == 7


def test_a_function_that_hangs_does_not_keep_the_process_from_exiting() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    assert ran.stdout == "left\n"


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), StopIteration()])
async def test_an_exception_that_would_stop_the_event_loop_releases_the_slot(
    error: BaseException,
) -> None:
    def leave() -> None:
        raise error

    threads = Threads(1, "it")
    for _ in range(3):
        with pytest.raises(RuntimeError, match=type(error).__name__):
            await asyncio.wait_for(threads.run(leave), PATIENCE_S)
    assert await asyncio.wait_for(threads.run(lambda: 7), PATIENCE_S) == 7


async def test_one_owner_has_at_most_half_of_the_slots() -> None:
    threads, gate = Threads(4, "it"), threading.Event()
    running = [asyncio.create_task(threads.run(gate.wait, "alice")) for _ in range(8)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(threads.run(lambda: 7, "bob")) for _ in range(8)]
    assert await asyncio.wait_for(asyncio.gather(*others), PATIENCE_S) == [7] * 8
    for waiting in running[4:]:
        waiting.cancel()
    gate.set()
    assert await asyncio.wait_for(asyncio.gather(*running[:4]), PATIENCE_S) == [True] * 4
    assert await asyncio.wait_for(threads.run(lambda: 7, "alice"), PATIENCE_S) == 7
