from collections.abc import AsyncIterator

import numpy as np
import pytest

from clients.levels import level_of, tapped


@pytest.mark.parametrize(("peak", "level"), [(0, 0.0), (32_767, 0.95), (1_036, 0.45), (20, 0.0)])
def test_the_level_is_on_a_scale_of_decibels(peak: int, level: float) -> None:
    tone = peak * np.sin(np.arange(320))
    assert level_of(tone.astype("<i2").tobytes()) == pytest.approx(level, abs=0.01)


def test_no_audio_has_no_level() -> None:
    assert level_of(b"") == 0.0


async def test_taps_see_what_passes() -> None:
    seen: list[bytes] = []

    async def source() -> AsyncIterator[tuple[float, bytes]]:
        yield 0.0, b"a"
        yield 0.02, b"b"

    assert [item async for item in tapped(source(), seen.append, seen.append)] == [(0.0, b"a"), (0.02, b"b")]
    assert seen == [b"a", b"a", b"b", b"b"]
