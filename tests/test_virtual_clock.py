"""The clock of tests: jumps over waiting time, and stands still during work."""

import asyncio
import threading
import time

import pytest

from tests.virtual_clock import VirtualClock

HOUR_S = 3_600.0


async def test_a_sleep_takes_no_real_time(virtual_clock: VirtualClock) -> None:
    began, began_real = time.monotonic(), time.perf_counter()
    await asyncio.sleep(HOUR_S)
    assert time.monotonic() - began == pytest.approx(HOUR_S)
    assert time.perf_counter() - began_real < HOUR_S / 10
    assert virtual_clock.jumped_s == pytest.approx(HOUR_S)


async def test_a_process_that_stands_still_loses_no_time(virtual_clock: VirtualClock) -> None:
    async with asyncio.timeout(0.01):
        time.sleep(0.02)  # noqa: ASYNC251 - as if the machine had stopped the process
        await asyncio.sleep(0.005)
    assert virtual_clock.jumped_s < 0.01


async def test_timers_keep_their_order(virtual_clock: VirtualClock) -> None:
    order: list[float] = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    await asyncio.gather(*(wait(seconds) for seconds in (30.0, 10.0, 20.0)))
    assert order == [10.0, 20.0, 30.0]


async def test_a_timeout_ends_a_wait(virtual_clock: VirtualClock) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(HOUR_S):
            await asyncio.Event().wait()


async def test_data_of_a_socket_arrives_before_a_timeout(virtual_clock: VirtualClock) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with asyncio.timeout(HOUR_S):
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()


async def test_work_in_a_thread_ends_before_a_timeout(virtual_clock: VirtualClock) -> None:
    async with asyncio.timeout(HOUR_S):
        await asyncio.to_thread(time.sleep, 0.02)
    assert virtual_clock.jumped_s < HOUR_S


async def test_a_timeout_ends_work_in_a_thread(virtual_clock: VirtualClock) -> None:
    blocked = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await asyncio.to_thread(blocked.wait)
    blocked.set()


async def test_the_real_clock_is_back_after_the_block() -> None:
    real = time.monotonic
    with VirtualClock(asyncio.get_running_loop()).installed():
        assert time.monotonic != real
    assert time.monotonic == real
