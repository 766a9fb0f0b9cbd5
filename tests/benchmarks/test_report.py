import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from benchmarks.report import Rows, flat, machine, report, report_rows, row_cell, table

ROWS: Rows = {
    ("pink, 5 dB", "one"): {"miss_percent": 12.34, "onset_p50_ms": 43.2, "onset_p90_ms": 68.0},
    ("pink, 5 dB", "two"): {"miss_percent": 8.0, "onset_p50_ms": 93.0, "onset_p90_ms": 157.0},
    ("clean", "one"): {"miss_percent": 0.0, "onset_p50_ms": 20.0, "onset_p90_ms": 39.0},
}
COLUMNS = {"miss": ("miss_percent",), "onset": ("onset_p50_ms", "onset_p90_ms")}
LABELS = ("condition", "detector")


def test_prints_a_table_and_writes_the_same_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = {"upwr": 0.25, "ttfp_p50_ms": 512.34, "nothing_ms": float("nan")}
    report("latency", {"streams": 1}, figures, {"upwr": "partial words changed"}, tmp_path / "x.json")
    shown = capsys.readouterr().out
    assert "latency: streams 1" in shown
    assert [" 0.250 " in shown, " 512 " in shown, "partial words changed" in shown] == [True] * 3
    written = json.loads((tmp_path / "x.json").read_text())
    assert set(written) == {"name", "commit", "date", "machine", "settings", "figures"}
    assert written["figures"] == {"upwr": 0.25, "ttfp_p50_ms": 512.34, "nothing_ms": None}


def test_the_machine_says_what_figures_depend_on() -> None:
    assert set(machine()) == {"system", "processor", "cores", "memory_mb", "load_average", "python"}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("wer_percent", 1.347, "1.3"),
        ("wel_p50_ms", 189.6, "190"),
        ("cost_us", 9.4, "9"),
        ("upwr", 0.176, "0.18"),
    ],
)
def test_a_figure_has_the_decimals_of_its_unit(name: str, value: float, shown: str) -> None:
    assert row_cell(name, value) == shown


def test_figures_are_named_after_what_was_compared() -> None:
    assert flat(ROWS)["pink_5_dB_one_miss_percent"] == 12.34
    assert len(flat(ROWS)) == 9


def test_a_row_holds_its_figures_under_their_titles() -> None:
    printer = Console(width=120)
    with printer.capture() as captured:
        printer.print(table(ROWS, COLUMNS, LABELS))
    [row] = [line for line in captured.get().splitlines() if "12.3" in line]
    assert [part.strip() for part in row.split("│")[1:-1]] == ["pink, 5 dB", "one", "12.3", "43 / 68"]


def test_a_line_stands_between_groups() -> None:
    assert [row.end_section for row in table(ROWS, COLUMNS, LABELS).rows] == [False, True, False]


def test_the_json_of_rows_has_their_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report_rows("vad", {"seed": 1}, ROWS, COLUMNS, LABELS, tmp_path / "vad.json")
    assert "vad: seed 1" in capsys.readouterr().out
    written = msgspec.json.decode((tmp_path / "vad.json").read_bytes())
    assert (written["settings"], written["figures"]) == ({"seed": 1}, flat(ROWS))
