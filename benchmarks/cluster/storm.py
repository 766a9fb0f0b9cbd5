"""A gateway is killed with all its sessions; how long until every client has been let in again elsewhere."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.chaos.installation import installation
from clients.client import VoiceClient
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

OPENED_AT_ONCE = 20
BEFORE_S = 2.0  # of quiet, with everybody there
LIMIT_S = 60.0
SILENCE = bytes(2 * SAMPLE_RATE // 5)


@dataclass(frozen=True)
class Storm:
    """back_s: from the kill to each client's next greeting. resumed: how many found their session again."""

    back_s: tuple[float, ...]
    resumed: int


async def storm(clients: int) -> Storm:
    """Of so many clients at one of two gateways. Raises TimeoutError when not all of them come back."""
    async with installation(workers=1, gateways=2) as there, AsyncExitStack() as stack:
        opened: list[VoiceClient] = []
        for _ in range(0, clients, OPENED_AT_ONCE):
            wave = [VoiceClient.connect(",".join(there.urls), reply="none") for _ in range(OPENED_AT_ONCE)]
            opened += await asyncio.gather(*map(stack.enter_async_context, wave[: clients - len(opened)]))
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(_back(client)) for client in opened]
            await asyncio.gather(*[client.send_audio(SILENCE) for client in opened])
            await asyncio.sleep(BEFORE_S)
            since = time.monotonic()
            await there.gateways[0].kill()
            async with asyncio.timeout(LIMIT_S):
                greeted = await asyncio.gather(*waiting)
    return Storm(tuple(at_s - since for at_s, _ in greeted), sum(resumed for _, resumed in greeted))


async def _back(client: VoiceClient) -> tuple[float, bool]:
    """When the client is greeted again, and whether its session was resumed."""
    async for message in client:
        if isinstance(message, native.ReadyMessage):
            return time.monotonic(), message.resumed
    raise RuntimeError("the session was over before the gateway was killed")
