import asyncio

from voicegw.gateway.session.tasks import Tasks


async def test_it_can_be_told_to_end() -> None:
    async with Tasks() as tasks:
        finished = tasks.start(asyncio.sleep(0), "short")
        await finished
        endless = tasks.start(asyncio.sleep(3600), "long")
        tasks.cancel()
    assert endless.cancelled()
    assert not finished.cancelled()
