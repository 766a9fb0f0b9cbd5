"""The single timer of the gateway. With a timer for each session, the event loop would wake up for each of
them, which would be most of the cost of an idle session."""

import asyncio
import time
from collections.abc import Callable

TICK_S = 0.1


async def tick(*callbacks: Callable[[float, float], None]) -> None:
    """Calls every callback ten times a second, until cancelled, with its lateness in seconds and the time in
    monotonic seconds."""
    while True:
        due = time.monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        now = time.monotonic()
        for callback in callbacks:
            callback(now - due, now)
