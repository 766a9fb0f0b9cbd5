"""What it would save to send each sample once: every job with its whole window, as now, compared with only
the new audio, which is appended in Redis and read by a worker that has the rest."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

from benchmarks.measures import percentile
from tests.redis_server import RedisServer
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.core.audio import SAMPLE_RATE

STEP_BYTES = 2 * SAMPLE_RATE // 4  # new audio after 250 ms
WARM_UP = 20
STREAM, AUDIO, GROUP = "{windows}:jobs", "{windows}:audio", "workers"
APPEND = (
    "redis.call('SETRANGE', KEYS[2], ARGV[1], ARGV[2]) return redis.call('XADD', KEYS[1], '*', 'job', '')"
)


async def windows_figures(redis: RedisServer, count: int) -> dict[str, float]:
    """Medians of getting a job from one connection to another, in ms, both ways, by length of window."""
    client = connect(RedisOptions(url=redis.url))
    append = client.register_script(APPEND)
    try:
        await client.xgroup_create(STREAM, GROUP, id="$", mkstream=True)

        async def inline(pcm: bytes) -> None:
            await client.xadd(STREAM, {"job": pcm})
            await _take(client)

        async def appended(pcm: bytes) -> None:
            offset = len(pcm) - STEP_BYTES
            await append(keys=[STREAM, AUDIO], args=[offset, pcm[offset:]])
            await _take(client)
            await client.getrange(AUDIO, offset, len(pcm) - 1)

        ways = (("inline", inline), ("appended", appended))
        return {
            f"{name}_{seconds}s_p50_ms": await _median_ms(way, bytes(2 * SAMPLE_RATE * seconds), count)
            for seconds in (2, 4, 10)
            for name, way in ways
        }
    finally:
        await close(client)


async def _take(client: Redis) -> None:
    taken: Any = await client.xreadgroup(GROUP, "worker", {STREAM: ">"}, count=1)
    [[_, [[entry, _]]]] = taken
    await client.xack(STREAM, GROUP, entry)
    await client.xdel(STREAM, entry)


async def _median_ms(transfer: Callable[[bytes], Awaitable[None]], pcm: bytes, count: int) -> float:
    times = []
    for _ in range(WARM_UP + count):
        since = time.monotonic()
        await transfer(pcm)
        times.append((time.monotonic() - since) * 1000)
    return percentile(times[WARM_UP:], 50)
