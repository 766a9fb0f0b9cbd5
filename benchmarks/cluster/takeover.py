"""A gateway is killed with all its sessions: the storm of `scripts/bench storm`, elsewhere."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

from benchmarks.chaos.installation import installation
from benchmarks.storm import AT_ONCE, Storm, raise_storm
from clients.client import VoiceClient


async def takeover(count: int) -> Storm:
    """So many clients at one of two gateways, which is killed; the other one takes over."""
    async with installation(workers=1, gateways=2) as there, AsyncExitStack() as stack:
        urls, clients = ",".join(there.urls), list[VoiceClient]()
        for begin in range(0, count, AT_ONCE):
            some = range(min(AT_ONCE, count - begin))
            opening = [stack.enter_async_context(VoiceClient.connect(urls, reply="none")) for _ in some]
            clients += await asyncio.gather(*opening)
        return await raise_storm(clients, lambda: os.kill(there.gateways[0].pid, signal.SIGKILL))
