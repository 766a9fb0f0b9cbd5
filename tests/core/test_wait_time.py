import pytest

from voicegw.core.wait_time import AverageWait


def test_nothing_observed_is_no_wait() -> None:
    assert AverageWait().mean_s(now=5.0) == 0


def test_the_first_observation_counts_in_full() -> None:
    meter = AverageWait()
    meter.observe(0.4, now=10.0)
    assert meter.mean_s(now=10.0) == pytest.approx(0.4)


def test_a_burst_counts_no_more_than_its_duration() -> None:
    meter = AverageWait(time_constant_s=1.0)
    meter.observe(0.0, now=0.0)
    for tick in range(1, 101):
        meter.observe(1.0, now=tick / 1000)  # a hundred waits within a tenth of a second
    assert meter.mean_s(now=0.1) == pytest.approx(0.095, abs=0.01)


def test_steady_waits_become_the_mean() -> None:
    meter = AverageWait(time_constant_s=1.0)
    for tick in range(100):
        meter.observe(0.3, now=tick / 10)
    assert meter.mean_s(now=9.9) == pytest.approx(0.3)


def test_the_mean_fades_when_nothing_is_observed() -> None:
    meter = AverageWait(time_constant_s=1.0)
    meter.observe(1.0, now=0.0)
    assert meter.mean_s(now=1.0) == pytest.approx(0.37, abs=0.01)
    assert meter.mean_s(now=10.0) < 0.001
