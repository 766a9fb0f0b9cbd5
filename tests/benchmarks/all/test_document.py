from pathlib import Path

from msgspec.structs import replace

from benchmarks.all.document import README_ROWS, REPORT, readme_table, report, update_readme, write_report
from benchmarks.all.parts import PARTS
from benchmarks.all.results import DIRECTORY, PartResult, read_results
from tests.documents import README

MACHINE = {"processor": "EPYC", "cores": 2, "python": "3.11", "load_average": [0.1, 0.2, 0.3]}
RESULT = PartResult(
    name="latency",
    command="latency --files x.flac",
    date="2026-11-29T12:00",
    took_s=90,
    commit="abc",
    machine=MACHINE,
    settings={"model": "bundled", "serve": [], "align_model": None},
    figures={"wel_p50_ms": 412.3, "wel_p95_ms": None, "wer_percent": 1.25, "upwr": 0.4},
)


def test_a_part_is_reported_with_how_it_was_measured() -> None:
    text = report({"latency": RESULT}, ["words.svg"])
    assert "![words](words.svg)" in text
    assert "`scripts/bench latency --files x.flac`" in text
    machine = "EPYC, 2 cores, Python 3.11, load average before the run 0.1/0.2/0.3"
    assert f"{machine}; 2026-11-29T12:00; 1.5 minutes; commit abc." in text
    assert "\nmodel: bundled\n" in text
    assert "problems" not in text


def test_a_figure_that_is_missing_is_a_dash() -> None:
    text = report({"latency": RESULT})
    assert "| 412 / – ms |" in text
    assert "lost samples" not in text  # a line without any figure is left out


def test_servers_that_were_compared_have_a_column_each() -> None:
    figures = {"wel_p50_ms_voicegw": 400.0, "wel_p50_ms_whisperlive": 1600.0, "wel_ratio_whisperlive": 0.25}
    servers = {"voicegw": "0.1.0: its defaults", "realtimestt": "checkout: gave up"}
    text = report({"peers": replace(RESULT, name="peers", figures=figures, settings={"servers": servers})})
    assert "| | voicegw | WhisperLive | WhisperLiveKit | RealtimeSTT |" in text
    assert "p50 / p95 | 400 / – ms | 1600 / – ms | – | – |" in text
    assert "p50; p95 | – | 0.25; – | – | – |" in text
    assert "\n- RealtimeSTT checkout: gave up\n" in text


def test_the_readme_leaves_out_peers_that_did_not_run_and_rows_without_a_figure() -> None:
    figures = {
        "wel_p50_ms_voicegw": 400.0,
        "wel_p95_ms_voicegw": 800.0,
        "wel_p50_ms_whisperlive": 1600.0,
        "wel_p95_ms_whisperlive": 2000.0,
        "wel_p50_ms_realtimestt": None,
    }
    table = readme_table({"people-peers": replace(RESULT, name="people-peers", figures=figures)})
    assert "p50 / p95 | 400 / 800 ms | WhisperLive 1600 / 2000 ms | `people-peers` |" in table
    assert len(table.splitlines()) == 3


def test_a_table_is_put_between_its_marks(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("a\n<!-- figures -->\nold\n<!-- /figures -->\nb\n")
    people = {"people-latency": RESULT}
    update_readme(file, people)
    assert file.read_text() == f"a\n<!-- figures -->\n{readme_table(people)}\n<!-- /figures -->\nb\n"
    assert "old" not in file.read_text()


def test_the_readme_has_the_figures_of_the_committed_report(tmp_path: Path) -> None:
    results = read_results(DIRECTORY)
    assert {row.part for row in README_ROWS} <= results.keys()
    table = readme_table(results)
    assert table in README.read_text()
    assert not [row for row in table.splitlines() if "–" in row.split("|")[2]]  # of peers one may be missing
    write_report(tmp_path, results, [file.name for file in sorted(DIRECTORY.glob("*.svg"), reverse=True)])
    assert (tmp_path / REPORT).read_text() == (DIRECTORY / REPORT).read_text()


def test_every_row_belongs_to_a_part() -> None:
    assert {row.part for row in README_ROWS} <= {part.name for part in PARTS}
