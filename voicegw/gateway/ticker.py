"""The gateway's one timer. A timer for each session would be most of what a quiet session costs: the event
loop would wake up for every one of them."""

import asyncio
import time
from collections.abc import Callable

TICK_S = 0.1


async def tick(*told: Callable[[float, float], None]) -> None:
    """Tells everyone, ten times a second until cancelled, by how many seconds this is late, and the time in
    monotonic seconds."""
    while True:
        due = time.monotonic() + TICK_S
        await asyncio.sleep(TICK_S)
        now = time.monotonic()
        for tell in told:
            tell(now - due, now)
