"""A gateway is killed with all its sessions: the storm of `scripts/bench storm`, elsewhere."""

import os
import signal
from contextlib import AsyncExitStack

from benchmarks.arguments import FIXED_END_SILENCE
from benchmarks.chaos.installation import installation
from benchmarks.storm import Storm, connected, survived_storm
from clients.local_server import LocalServer


async def takeover(count: int) -> Storm:
    """So many clients at one of two gateways, which is killed; the other one, at which somebody speaks, takes
    over."""
    async with (
        installation(workers=1, gateways=2, serve=[FIXED_END_SILENCE]) as there,
        AsyncExitStack() as stack,
    ):
        clients = await connected(stack, ",".join(there.urls), count)
        killed, other = there.gateways
        server = LocalServer(there.urls[1], other.pid)
        return await survived_storm(server, clients, lambda: os.kill(killed.pid, signal.SIGKILL))
