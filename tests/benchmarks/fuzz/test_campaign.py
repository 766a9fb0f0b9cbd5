import pytest

from benchmarks.fuzz import campaign as module
from benchmarks.fuzz.campaign import MOST_VIOLATIONS, Size, campaign
from benchmarks.fuzz.client import Ending, Outcome, Violation


def test_continues_until_both_numbers_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    endings = (Ending.NORMAL, Ending.RESET)
    monkeypatch.setattr(module, "client", lambda *a: Outcome(endings[a[-1] % 2], sent=10))
    tally = campaign("", Size(messages=100, disconnects=30), seed="1")
    assert tally.sent >= 100
    assert 30 <= tally.disconnects < 45


def test_a_campaign_stops_after_many_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_: object) -> Outcome:
        raise Violation("it is broken")

    monkeypatch.setattr(module, "client", break_off)
    tally = campaign("", Size(messages=100, disconnects=30), seed="1")
    assert MOST_VIOLATIONS <= len(tally.violations) < 2 * MOST_VIOLATIONS
    assert tally.violations[0].endswith("it is broken")
