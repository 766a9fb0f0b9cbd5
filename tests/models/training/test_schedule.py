from datetime import datetime, timedelta

import pytest

from models.training.schedule import Progress, time_of_day


def _trained(progress: Progress, steps: int, step_s: float, minutes: float) -> Progress:
    for _ in range(steps):
        progress.step += 1
        progress.advance(step_s, progress.left_s(minutes, None))
    return progress


def test_the_share_done_is_that_of_the_minutes() -> None:
    assert _trained(Progress(), 150, 0.2, minutes=1).done == pytest.approx(0.5)
    assert _trained(Progress(), 301, 0.2, minutes=1).done == 1


def test_time_in_which_training_was_suspended_does_not_count() -> None:
    progress = Progress()
    progress.advance(3600, left_s=7200)
    assert progress.seconds == 10


def test_after_a_pause_the_rate_goes_on_where_it_was_and_still_ends_in_time() -> None:
    progress = Progress(done=0.5)
    progress.advance(1, left_s=10)  # of what would have been 60 s
    assert progress.done == pytest.approx(0.55)
    progress.advance(9, left_s=9)
    assert progress.done == 1


def test_the_rate_rises_then_falls_to_zero() -> None:
    progress = Progress()
    assert progress.rate(0) == pytest.approx(1 / 200)
    progress.step = 1000
    assert [progress.rate(done) for done in (0, 0.5, 1)] == [1, 0.5, 0]


def test_another_cycle_begins_where_the_last_one_ended() -> None:
    progress = _trained(Progress(), 300, 0.2, minutes=1)
    assert progress.enter(1)
    assert progress.done == pytest.approx(1)
    assert progress.enter(2)
    assert progress.rate(progress.done) == pytest.approx(1 / 200)
    assert progress.left_s(2, None) == pytest.approx(120)


def test_a_cycle_that_another_has_followed_is_over() -> None:
    progress = Progress(done=0.3, cycle=2)
    assert not progress.enter(1)
    assert progress.enter(2)
    assert progress.done == 0.3


def test_a_time_of_day_is_the_next_one() -> None:
    earlier = datetime.now() - timedelta(minutes=2)
    assert time_of_day(earlier.strftime("%H:%M")) > datetime.now() + timedelta(hours=23)
    later = datetime.now() + timedelta(minutes=2)
    assert time_of_day(later.strftime("%H:%M")) <= later
