"""What Redis trouble does to those who go on asking; nothing here needs a Redis."""

import asyncio

import pytest
from redis.exceptions import AuthenticationError, ConnectionError

from tests.cluster.harness import lose_a_cancel
from tests.observing import PATIENCE_S, until
from voicegw.cluster.redis.monitor import ConnectionMonitor
from voicegw.errors import ConfigurationError
from voicegw.telemetry import Metrics


class Watched(ConnectionMonitor):
    def __init__(self) -> None:
        self.metrics = Metrics()
        super().__init__("redis://here", self.metrics.cluster)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"voicegw_cluster_{name}", labels)


class Step:
    """Fails as often as it is told, with what it is told."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error or ConnectionError("gone")

    async def __call__(self) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.calls <= self._failures:
            raise self._error


def test_trouble_is_told_once_and_its_end_too(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = Watched()
    assert (monitor.down_s(), monitor.value("redis_up"), monitor.succeeded()) == (0.0, 1, False)
    assert 0 <= monitor.up_s() < PATIENCE_S
    for _ in range(3):
        monitor.failed(ConnectionError("gone"))
    assert monitor.down_s() > 0
    assert monitor.up_s() == 0
    assert (monitor.value("redis_up"), monitor.value("redis_errors_total", error="ConnectionError")) == (0, 3)
    assert monitor.succeeded()
    assert (monitor.down_s(), monitor.value("redis_up"), monitor.succeeded()) == (0.0, 1, False)
    assert 0 < monitor.up_s() < PATIENCE_S
    said = capsys.readouterr().out
    assert (said.count("redis does not answer"), said.count("redis answers again")) == (1, 1)


async def test_persisting_goes_on_until_it_is_done() -> None:
    monitor, step = Watched(), Step(2)
    await monitor.retry(step)
    assert step.calls == 3


async def test_persisting_is_for_redis_trouble_only() -> None:
    with pytest.raises(ZeroDivisionError):
        await Watched().retry(Step(1, ZeroDivisionError()))


async def test_repeats_through_trouble_until_it_is_stopped() -> None:
    stop, step = asyncio.Event(), Step(2)
    repeating = asyncio.create_task(Watched().repeat(step, stop))
    await until(lambda: step.calls > 5)
    stop.set()
    await repeating


async def test_no_fault_ends_a_repetition(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("voicegw.cluster.redis.monitor._AFTER_FAULT_S", 0.01)
    stop, step = asyncio.Event(), Step(1, ZeroDivisionError())
    repeating = asyncio.create_task(Watched().repeat(step, stop))
    await until(lambda: step.calls > 5)
    stop.set()
    await repeating
    assert capsys.readouterr().out.count("[error") == 1


class Deaf(Step):
    """Loses a cancel."""

    async def __call__(self) -> None:
        await lose_a_cancel()
        await super().__call__()


@pytest.mark.parametrize("failures", [0, 1000])
async def test_a_cancel_that_a_step_has_lost_ends_it_all_the_same(failures: int) -> None:
    repeating = asyncio.create_task(Watched().repeat(Deaf(failures)))
    await asyncio.sleep(0)
    repeating.cancel()
    await asyncio.wait((repeating,), timeout=PATIENCE_S)
    assert repeating.cancelled()


async def test_a_cancel_does_not_undo_what_was_done() -> None:
    persisting = asyncio.create_task(Watched().retry(Deaf(0)))
    await asyncio.sleep(0)
    persisting.cancel()
    await persisting


async def test_the_first_step_may_fail_but_not_for_a_password() -> None:
    monitor = Watched()
    await monitor.try_once(Step(1))
    assert monitor.down_s() > 0
    with pytest.raises(ConfigurationError, match="password"):
        await monitor.try_once(Step(1, AuthenticationError("no")))
