"""Whether sending a window's audio once would pay: every job with its whole window, as it is done, against
only what is new, put together in Redis and read there by a worker that holds the rest."""

import time
from collections.abc import Awaitable, Callable

from benchmarks.measures import percentile
from tests.redis_server import RedisServer
from voicegw.cluster.connect import RedisOptions
from voicegw.cluster.line import Line, new_line
from voicegw.cluster.replies import delivered
from voicegw.core.audio import SAMPLE_RATE

STEP_BYTES = 2 * SAMPLE_RATE // 4  # what is new after 250 ms
WARM_UP = 20
STREAM, AUDIO, GROUP = "{windows}:jobs", "{windows}:audio", "workers"
APPEND = (
    "redis.call('SETRANGE', KEYS[2], ARGV[1], ARGV[2]) return redis.call('XADD', KEYS[1], '*', 'job', '')"
)


async def windows_figures(redis: RedisServer, count: int) -> dict[str, float]:
    """Medians of getting a job from one connection to another, in ms, both ways, by length of window."""
    line = new_line(RedisOptions(url=redis.url))
    try:
        await line.execute("XGROUP", "CREATE", STREAM, GROUP, "$", "MKSTREAM")

        async def inline(pcm: bytes) -> None:
            await line.execute("XADD", STREAM, "*", "job", pcm)
            await _take(line)

        async def appended(pcm: bytes) -> None:
            offset = len(pcm) - STEP_BYTES
            await line.evaluate(APPEND, [STREAM, AUDIO], offset, pcm[offset:])
            await _take(line)
            await line.execute("GETRANGE", AUDIO, offset, len(pcm) - 1)

        ways = (("inline", inline), ("appended", appended))
        return {
            f"{name}_{seconds}s_p50_ms": await _median_ms(way, bytes(2 * SAMPLE_RATE * seconds), count)
            for seconds in (2, 4, 10)
            for name, way in ways
        }
    finally:
        await line.close()


async def _take(line: Line) -> None:
    taken = await line.execute("XREADGROUP", "GROUP", GROUP, "worker", "COUNT", 1, "STREAMS", STREAM, ">")
    [entry] = delivered(taken, "job")
    await line.execute("XACK", STREAM, GROUP, entry.id)
    await line.execute("XDEL", STREAM, entry.id)


async def _median_ms(way: Callable[[bytes], Awaitable[None]], pcm: bytes, count: int) -> float:
    times = []
    for _ in range(WARM_UP + count):
        since = time.monotonic()
        await way(pcm)
        times.append((time.monotonic() - since) * 1000)
    return percentile(times[WARM_UP:], 50)
