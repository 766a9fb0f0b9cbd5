"""Hands a session the news of a tool call in the background."""

import asyncio
from contextlib import aclosing

from voicegw.core.actions import FollowBackgroundCall
from voicegw.core.background_calls import BackgroundCalls
from voicegw.gateway.session.driver import Driver

_PROGRESS_EVERY_S = 0.1


async def follow(
    background_calls: BackgroundCalls | None, request: FollowBackgroundCall, driver: Driver
) -> None:
    """Until there is a result. Of progress it tells no more than a client can take; without background calls,
    which is where nobody could have made one, nothing."""
    if background_calls is None:
        return
    async with aclosing(background_calls.follow(request.background_call)) as reports:
        async for news in reports:
            driver.receive(driver.session.dialogue.receive_call_progress, request.turn, request.call, news)
            if not news.done:
                await asyncio.sleep(_PROGRESS_EVERY_S)
