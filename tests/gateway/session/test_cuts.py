"""Clients whose connections are cut again and again, between two gateways that share a Redis: every sample is
heard once, in its place."""

import asyncio
from contextlib import AsyncExitStack
from random import Random

import numpy as np

from benchmarks.relay import Relay, relay
from clients.client import VoiceClient
from clients.errors import ClientError
from tests.gateway.session.test_takeover import gateway
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

SPEAKERS, FRAMES, FRAME_BYTES = 5, 300, 640
# no two places in it sound the same, and all of it is loud: whatever is decoded tells where it was said
NOISE = np.random.default_rng(1).integers(2_000, 30_000, FRAMES * FRAME_BYTES // 2).astype("<i2").tobytes()


async def cut_at_random(ways: list[Relay], random: Random) -> None:
    """Cuts all connections or those to one gateway, and some of them again while they are being made anew."""
    while True:
        await asyncio.sleep(random.uniform(0.0, 0.2))
        for _ in range(random.choice((1, 2, 3, 4))):
            for way in random.choice((ways, ways[:1], ways[1:])):
                way.cut()
            await asyncio.sleep(random.uniform(0.0, 0.05))


async def opened(stack: AsyncExitStack, urls: str) -> VoiceClient:
    """A session; who is cut off before the greeting has none yet, and asks again."""
    while True:
        try:
            return await stack.enter_async_context(VoiceClient.connect(urls, reply="none"))
        except ClientError:
            await asyncio.sleep(0.01)


async def speak(urls: str) -> tuple[int, bool]:
    """Sends the noise; how much of it was taken in, and whether it was one session."""
    async with AsyncExitStack() as stack:
        client = await opened(stack, urls)

        async def send() -> None:
            for begin in range(0, len(NOISE), FRAME_BYTES):
                await client.send_audio(NOISE[begin : begin + FRAME_BYTES])
                await asyncio.sleep(0.005)  # four times as fast as it was said
            await client.end()

        sending = asyncio.create_task(send())
        said = [message async for message in client]
        await sending
    taken = max(message.samples for message in said if isinstance(message, native.AckedMessage))
    return taken, all(message.resumed for message in said if isinstance(message, native.ReadyMessage))


async def test_every_sample_is_heard_once_and_in_its_place(redis_url: str) -> None:
    async with (
        gateway(redis_url) as first,
        gateway(redis_url) as second,
        relay(first.url) as one,
        relay(second.url) as other,
    ):
        cutting = asyncio.create_task(cut_at_random([one, other], Random(1)))
        try:
            urls = (f"{one.url},{other.url}", f"{other.url},{one.url}")
            spoken = await asyncio.gather(*(speak(urls[number % 2]) for number in range(SPEAKERS)))
        finally:
            cutting.cancel()
        assert spoken == [(len(NOISE) // 2, True)] * SPEAKERS
        jobs = [job for stage in (first, second) for job in stage.recognizer.jobs]
        assert all(job.pcm == NOISE[2 * job.start :][: len(job.pcm)] for job in jobs)
        assert any(job.start + len(job.pcm) // 2 > SAMPLE_RATE for job in jobs)
        assert sum(stage.value("resumes_total", outcome="resumed") or 0 for stage in (first, second))
