"""The overhead of a decode, by a local worker process and by a worker behind Redis, alternating."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.installation import installation
from benchmarks.chaos.load import gateways
from clients.audio import read_pcm
from clients.samples import read_samples
from tests.observing import until
from voicegw.asr.pool import PoolOptions, WorkerPool
from voicegw.asr.weights import BUNDLED
from voicegw.asr.whisper_loader import WhisperSource
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind
from voicegw.core.recognizer import Recognizer
from voicegw.telemetry import Metrics

SECONDS = (1, 2, 4, 8)  # lengths of windows, as sessions have them
WARM_UP = 10
_PAUSE_S = 0.005  # the recognizer that has answered prepares for the next job; excluded from the other's time


@dataclass
class Overheads:
    """For each decode, the time from the request to the answer without the decoding, in ms."""

    local_ms: list[float] = field(default_factory=list)
    remote_ms: list[float] = field(default_factory=list)


async def overheads(count: int) -> Overheads:
    """Of `count` decodes by a local worker process and as many by a worker behind Redis."""
    found = Overheads()
    pool = WorkerPool(WhisperSource(WhisperOptions(model=BUNDLED)), PoolOptions(workers=1), Metrics())
    async with installation(workers=1) as there, gateways(there.redis.url, 1) as [remote]:
        try:
            await pool.start()
            await until(lambda: remote.ready)
            for number in range(WARM_UP + count):
                job = _job(number)
                for recognizer, times in ((pool, found.local_ms), (remote, found.remote_ms)):
                    overhead_ms = await _overhead_ms(recognizer, job)
                    await asyncio.sleep(_PAUSE_S)
                    if number >= WARM_UP:
                        times.append(overhead_ms)
        finally:
            await pool.close()
    return found


async def _overhead_ms(recognizer: Recognizer, job: DecodeJob) -> float:
    asked = time.monotonic()
    result = await recognizer.decode(job)
    return (time.monotonic() - asked) * 1000 - result.decode_ms


def _job(number: int) -> DecodeJob:
    pcm = _speech()
    size = 2 * SAMPLE_RATE * SECONDS[number % len(SECONDS)]
    return DecodeJob("hop", number + 1, DecodeKind.PARTIAL, 0, (pcm * (size // len(pcm) + 1))[:size])


def _speech() -> bytes:
    [sample, *_] = read_samples()
    return read_pcm(sample.path, SAMPLE_RATE)


def windows_of_all_lengths(count: int) -> Sequence[DecodeJob]:
    """`count` jobs of different sessions."""
    return [_job(number) for number in range(count)]
