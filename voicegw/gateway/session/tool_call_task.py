"""Passes the progress and the result of a background tool call to a session."""

import asyncio
from contextlib import aclosing

from voicegw.core.actions import FollowBackgroundCall
from voicegw.core.background_calls import BackgroundCalls
from voicegw.gateway.session.driver import Driver

_PROGRESS_EVERY_S = 0.1


async def follow(
    background_calls: BackgroundCalls | None, request: FollowBackgroundCall, driver: Driver
) -> None:
    """Follows a call until its result. Limits progress reports to ten a second. Does nothing when
    `background_calls` is None, because then no call exists."""
    if background_calls is None:
        return
    async with aclosing(background_calls.follow(request.background_call)) as reports:
        async for report in reports:
            driver.receive(driver.session.dialogue.receive_call_progress, request.turn, request.call, report)
            if not report.done:
                await asyncio.sleep(_PROGRESS_EVERY_S)
