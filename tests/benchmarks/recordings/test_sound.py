import numpy as np
import pytest

from benchmarks.recordings.sound import levels_db, sounding
from voicegw.core.audio import SAMPLE_RATE


def levels(*spans: tuple[int, float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A tone of so many ms at so many dB, one after the other."""
    tones = [np.full(SAMPLE_RATE * ms // 1000, 10 ** (db / 20), np.float32) for ms, db in spans]
    return levels_db(np.concatenate(tones))


def approx(at_ms: int) -> object:
    """To a frame."""
    return pytest.approx(at_ms, abs=10)


def test_levels_are_in_decibels_of_full_scale() -> None:
    assert np.allclose(levels((50, 0), (50, -20))[[2, -3]], [0, -20], atol=0.01)


def test_a_click_is_smoothed() -> None:
    assert levels((100, -60), (10, -40), (100, -60)).max() < -44


def test_a_pause_is_no_part_of_a_word() -> None:
    start_ms, end_ms = sounding(levels((1000, -60), (300, -20), (500, -60)), 0, 1600)
    assert (start_ms, end_ms) == (approx(1000), approx(1300))


def test_a_word_may_have_a_closure_in_it_and_end_quietly() -> None:
    word = ((500, -70), (200, -20), (100, -70), (200, -20), (100, -40), (500, -70))
    start_ms, end_ms = sounding(levels(*word), 0, 1600)
    assert (start_ms, end_ms) == (approx(500), approx(1100))


def test_speech_of_another_speaker_before_is_left_out() -> None:
    start_ms, end_ms = sounding(levels((200, -30), (400, -70), (300, -20), (100, -70)), 0, 1000)
    assert (start_ms, end_ms) == (approx(600), approx(900))


def test_the_times_of_a_short_word_do_not_change() -> None:
    assert sounding(levels((300, -70), (100, -20)), 100, 400) == (100, 400)


def test_without_a_loud_part_the_times_do_not_change() -> None:
    assert sounding(levels((2000, -60)), 100, 900) == (100, 900)


def test_a_word_is_at_least_a_frame_long_also_at_the_end() -> None:
    assert sounding(levels((100, -20)), 100, 100) == (100, 110)
