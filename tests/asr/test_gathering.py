"""Batches that gather, in a real pool with a real worker process, whose engine shares one device."""

import asyncio
from statistics import mean

import pytest

from tests.asr import shared_device
from tests.asr.shared_device import DeviceOptions
from tests.observing import START_S
from tests.speech import job
from voicegw.asr.calibration import measure_gathering
from voicegw.asr.engine import ReadyEngine
from voicegw.asr.pool import PoolOptions, WorkerPool
from voicegw.core.jobs import DecodeResult
from voicegw.telemetry import Metrics

SPEAKERS, JOBS, PAUSE_S = 8, 16, 0.12
WORKERS = 8


async def answers(options: DeviceOptions) -> list[DecodeResult]:
    """Of speakers who each ask for one decode after the other, as sessions do."""
    pool = WorkerPool(ReadyEngine(shared_device.spec(options)), PoolOptions(workers=WORKERS), Metrics())
    async with asyncio.timeout(START_S):
        await pool.start()
        try:
            spoken = await asyncio.gather(*[_speak(pool, speaker) for speaker in range(SPEAKERS)])
        finally:
            await pool.close()
    return [answer for spoken_by_one in spoken for answer in spoken_by_one]


async def _speak(pool: WorkerPool, speaker: int) -> list[DecodeResult]:
    await asyncio.sleep(PAUSE_S * speaker / SPEAKERS)
    found = []
    for number in range(1, JOBS + 1):
        found.append(await pool.decode(job(b"", number, session=f"speaker {speaker}")))
        await asyncio.sleep(PAUSE_S)
    return found


async def test_on_a_shared_device_batches_gather_and_answers_come_sooner() -> None:
    at_once = await answers(DeviceOptions(calibrates_shared=False))
    gathered = await answers(DeviceOptions())
    assert mean(each.batch for each in gathered) > 1.5 * mean(each.batch for each in at_once)
    assert mean(map(_answered_ms, gathered)) < mean(map(_answered_ms, at_once))


def _answered_ms(result: DecodeResult) -> float:
    return result.queue_ms + result.decode_ms


@pytest.mark.parametrize(
    ("options", "at_once", "batch", "gathers"),
    [
        (DeviceOptions(0.02, 0.002), 4, 4, True),
        (DeviceOptions(0.02, 0.002), 1, 4, False),  # there is nothing beside it
        (DeviceOptions(0.02, 0.002), 4, 1, False),  # batches do not pay
        (DeviceOptions(0.02, 0.02), 4, 4, False),
        (DeviceOptions(0.02, 0.002, calibrates_shared=False), 2, 2, False),  # cores of their own
    ],
)
def test_gathering_is_chosen_where_batches_get_more_done(
    options: DeviceOptions, at_once: int, batch: int, gathers: bool
) -> None:
    gather_ms = measure_gathering(shared_device.DeviceEngine(options), at_once, batch)
    full_ms = 1000 * (options.single_s + options.further_s * (batch - 1))
    assert gather_ms >= 2 * full_ms if gathers else gather_ms == 0
