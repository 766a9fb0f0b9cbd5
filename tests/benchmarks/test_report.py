import json
from pathlib import Path

import pytest

from benchmarks.report import machine, report


def test_prints_a_table_and_writes_the_same_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = {"upwr": 0.25, "ttfp_p50_ms": 512.34, "nothing_ms": float("nan")}
    report("latency", {"streams": 1}, figures, {"upwr": "partial words changed"}, tmp_path / "x.json")
    shown = capsys.readouterr().out
    assert "latency: streams 1" in shown
    assert [" 0.250 " in shown, " 512 " in shown, "partial words changed" in shown] == [True] * 3
    written = json.loads((tmp_path / "x.json").read_text())
    assert set(written) == {"name", "commit", "machine", "settings", "figures"}
    assert written["figures"] == {"upwr": 0.25, "ttfp_p50_ms": 512.34, "nothing_ms": None}


def test_the_machine_says_what_figures_depend_on() -> None:
    assert set(machine()) == {"system", "processor", "cores", "memory_mb", "load_average", "python"}
