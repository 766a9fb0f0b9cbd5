import pytest

from benchmarks.chaos.command import CASES, main
from benchmarks.chaos.fault_campaign import figures_of
from benchmarks.chaos.runs import Run


def test_figures_are_totals_and_recovery_by_kind_of_fault() -> None:
    done = [
        Run("worker_killed", (0.1, 0.3), {"jobs": 10, "lost_jobs": 1, "wrong_jobs": 0}),
        Run("worker_paused", (0.5,), {"jobs": 10}),
        Run("gateway_killed", (), {"sessions": 6}),
        Run("redis_paused", (2.0,), {"jobs": 10, "wrong_jobs": 2}),
    ]
    figures = figures_of(done)
    assert (figures["fault_runs"], figures["jobs"], figures["sessions"]) == (4, 30, 6)
    assert (figures["lost_jobs"], figures["wrong_jobs"]) == (1, 2)
    assert figures["recovery_worker_p95_ms"] == pytest.approx(500, abs=30)
    assert figures["recovery_redis_p95_ms"] == 2000
    assert figures["worker_killed_p50_ms"] == pytest.approx(200, abs=110)
    assert "recovery_gateway_p95_ms" not in figures


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_help(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([case, "--help"])
    shown = capsys.readouterr().out
    assert f"usage: scripts/bench chaos {case}" in shown
    assert "--json" in shown


def test_a_case_must_be_named() -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
