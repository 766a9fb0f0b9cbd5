"""Refusals are all counted; the log has no more lines of them than somebody reads."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.virtual_clock import VirtualClock
from voicegw.errors import AtCapacity, TokenInvalid
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.telemetry import Metrics

BURST = 20


class Log(RefusalLog):
    """A refusal log, and what it counts."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        super().__init__(self.metrics)

    def report_many(self, times: int) -> list[MutableMapping[str, Any]]:
        """The lines for so many refusals of the same client."""
        with capture_logs() as lines:
            for _ in range(times):
                self.report(TokenInvalid("no signature"), "198.51.100.7")
        return lines

    def count(self, code: str) -> float | None:
        return self.metrics.registry.get_sample_value("voicegw_refused_total", {"code": code})


def test_a_refusal_is_logged_with_its_reason_and_address() -> None:
    [line] = Log().report_many(1)
    assert line == {
        "event": "refused",
        "log_level": "info",
        "code": "token_invalid",
        "address": "198.51.100.7",
        "reason": "no signature",
        "unreported": 0,
    }


async def test_a_flood_is_counted_and_mostly_left_out_of_the_log(virtual_clock: VirtualClock) -> None:
    log = Log()
    assert len(log.report_many(1_000)) == BURST
    assert log.count("token_invalid") == 1_000
    virtual_clock.advance(1)
    assert [line["unreported"] for line in log.report_many(1)] == [1_000 - BURST]


def test_refusals_under_load_are_for_debugging() -> None:
    log = Log()
    with capture_logs() as lines:
        log.report(AtCapacity("all seats are taken"), "198.51.100.7")
    assert [line["log_level"] for line in lines] == ["debug"]
    assert log.count("at_capacity") == 1
    assert len(log.report_many(BURST)) == BURST  # it took none of the lines that others may have


@pytest.mark.parametrize("error", [TokenInvalid("x"), AtCapacity("x")])
def test_every_refusal_is_counted(error: TokenInvalid | AtCapacity) -> None:
    log = Log()
    log.report(error, "")
    assert log.count(error.code) == 1
