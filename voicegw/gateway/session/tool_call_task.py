"""Hands a session the news of a tool call in the background."""

import asyncio
from contextlib import aclosing

from voicegw.core.actions import FollowErrand
from voicegw.core.errands import Errands
from voicegw.gateway.session.driver import Driver

_PROGRESS_EVERY_S = 0.1


async def follow(errands: Errands | None, request: FollowErrand, driver: Driver) -> None:
    """Until there is a result. Of progress it tells no more than a client can take; without errands, which
    is where nobody could have made one, nothing."""
    if errands is None:
        return
    async with aclosing(errands.follow(request.errand)) as reports:
        async for news in reports:
            driver.receive(driver.session.receive_errand_news, request.turn, request.call, news)
            if not news.done:
                await asyncio.sleep(_PROGRESS_EVERY_S)
