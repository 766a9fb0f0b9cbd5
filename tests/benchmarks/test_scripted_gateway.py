import numpy as np

from benchmarks.scripted_gateway import BLOCK_SAMPLES, SampleHashes
from tests.speech import job

AUDIO = np.arange(4 * BLOCK_SAMPLES, dtype="<i2")


async def words(start: int, end: int, audio: np.ndarray = AUDIO) -> list[str]:
    result = await SampleHashes().decode(job(audio[start:end].tobytes(), start=start))
    return [word.text for word in result.words]


async def test_a_word_is_the_same_in_every_window_that_contains_it() -> None:
    whole = await words(0, 4 * BLOCK_SAMPLES)
    assert len(set(whole)) == 4
    assert await words(100, 4 * BLOCK_SAMPLES - 1) == whole[1:3]


async def test_one_different_sample_gives_another_word() -> None:
    changed = AUDIO.copy()
    changed[BLOCK_SAMPLES] += 1
    before, after = await words(0, 4 * BLOCK_SAMPLES), await words(0, 4 * BLOCK_SAMPLES, changed)
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True, True]


async def test_a_half_second_that_ends_in_silence_has_no_word() -> None:
    fading = AUDIO.copy()
    fading[2 * BLOCK_SAMPLES - 1_600 : 2 * BLOCK_SAMPLES] = 0
    assert len(await words(0, 4 * BLOCK_SAMPLES, fading)) == 3
