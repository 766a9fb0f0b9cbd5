import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from clients.paced_output import MAX_WAITING_S, PacedOutput

pytestmark = pytest.mark.usefixtures("virtual_clock")

FRAME = 320  # bytes at 8 kHz
ONE = b"\x01\x02" * (FRAME // 2)


class FarEnd:
    """`frames`: what was sent, with the monotonic second."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, bytes]] = []
        self.output = PacedOutput(8_000, self.receive)

    async def receive(self, frame: bytes) -> None:
        self.frames.append((time.monotonic(), frame))

    def lasted_ms(self, first: int = 0) -> float:
        """The time from frame number `first` to the last one."""
        return 1000 * (self.frames[-1][0] - self.frames[first][0])


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    far_end = FarEnd()
    running = asyncio.create_task(far_end.output.run())
    yield far_end
    running.cancel()


async def test_frames_are_sent_when_they_are_due(far_end: FarEnd) -> None:
    far_end.output.begin()
    far_end.output.play(10 * ONE)
    await asyncio.sleep(1)
    assert [frame for _, frame in far_end.frames] == [ONE] * 10
    assert far_end.lasted_ms() > 20  # 80 where the machine is not busy
    assert far_end.output.played_ms == 200


async def test_the_last_frame_is_filled_with_silence(far_end: FarEnd) -> None:
    far_end.output.play(ONE + ONE[:100])
    await asyncio.sleep(0.1)
    assert [frame for _, frame in far_end.frames] == [ONE, ONE[:100] + bytes(FRAME - 100)]


async def test_what_is_discarded_is_not_sent(far_end: FarEnd) -> None:
    far_end.output.play(50 * ONE)
    await asyncio.sleep(0.11)
    far_end.output.flush()
    sent = len(far_end.frames)
    assert sent < 50
    await asyncio.sleep(1)
    assert len(far_end.frames) <= sent + 1


async def test_a_pause_loses_nothing(far_end: FarEnd) -> None:
    far_end.output.play(20 * ONE)
    await asyncio.sleep(0.05)
    far_end.output.pause(True)
    sent = len(far_end.frames)
    await asyncio.sleep(1)
    assert len(far_end.frames) <= sent + 1
    far_end.output.pause(False)
    await asyncio.sleep(1)
    assert [frame for _, frame in far_end.frames] == [ONE] * 20
    assert far_end.lasted_ms(sent + 1) > 20  # no burst after the pause


async def test_new_audio_ends_a_pause(far_end: FarEnd) -> None:
    far_end.output.pause(True)
    far_end.output.play(ONE)
    await asyncio.sleep(0.1)
    assert len(far_end.frames) == 1


async def test_each_reply_is_counted_from_its_beginning(far_end: FarEnd) -> None:
    far_end.output.play(ONE)
    await asyncio.sleep(0.1)
    far_end.output.begin()
    assert far_end.output.played_ms == 0


async def test_a_new_reply_drops_the_end_of_an_earlier_one(far_end: FarEnd) -> None:
    far_end.output.play(10 * ONE)
    far_end.output.pause(True)
    far_end.output.begin()
    far_end.output.play(ONE)
    await asyncio.sleep(1)
    assert far_end.output.played_ms == 20


async def test_waiting_audio_is_bounded(far_end: FarEnd) -> None:
    far_end.output.play(bytes(round(3 * MAX_WAITING_S) * 16_000))
    await asyncio.sleep(2 * MAX_WAITING_S)
    assert len(far_end.frames) == MAX_WAITING_S / 0.02
