"""What one task waits for, and others ring."""

import asyncio

from tests.observing import PATIENCE_S
from voicegw.gateway.single_waiter_event import SingleWaiterEvent


async def test_who_waits_goes_on_once_it_is_rung() -> None:
    event = SingleWaiterEvent()
    waiting = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    event.set()
    await asyncio.wait_for(waiting, PATIENCE_S)


async def test_what_was_rung_is_not_waited_for_until_it_is_heard() -> None:
    event = SingleWaiterEvent()
    event.set()
    await asyncio.wait_for(event.wait(), PATIENCE_S)
    event.clear()
    assert not event.is_set()
    waiting = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await asyncio.wait_for(waiting, PATIENCE_S)


async def test_who_gives_up_leaves_room_for_the_next() -> None:
    event = SingleWaiterEvent()
    for _ in range(2):
        waiting = asyncio.create_task(event.wait())
        await asyncio.sleep(0)
        event.set()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled()
        event.clear()
    waiting = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    event.set()
    await asyncio.wait_for(waiting, PATIENCE_S)
