"""The command, with a real benchmark as its only part."""

from pathlib import Path

import pytest

from benchmarks.all import command, main
from benchmarks.all.document import REPORT
from benchmarks.all.parts import PARTS, Part
from benchmarks.all.results import ResultError, read_result, read_results
from tests.benchmarks.recordings.directory import entry, write_directory


def test_only_lists_what_would_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    assert main(["--list", "--short", "--results", str(results), "turns", "chaos"]) == 0
    shown = capsys.readouterr().out
    assert "1.0 min  turns: turns" in shown
    assert "about 2 minutes" in shown
    assert not results.exists()


@pytest.mark.parametrize(("part", "why"), [("nonsense", "there is no part"), ("people-turns", "needs --rec")])
def test_a_part_that_cannot_run_is_wrong_usage(
    part: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--results", str(tmp_path), part])
    assert why in capsys.readouterr().err


def test_a_part_that_is_done_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    turns = next(part for part in PARTS if part.name == "turns")
    quick = Part("turns", "turns --condition phone", "turns --condition phone", (1, 1), turns.lines)
    monkeypatch.setattr(command, "PARTS", [quick])
    run = ["--results", str(tmp_path)]
    assert main(run) == 0
    result = read_results(tmp_path)["turns"]
    assert (result.command, result.problems, result.took_s > 0) == ("turns --condition phone", False, True)
    assert "`scripts/bench turns --condition phone`" in (tmp_path / REPORT).read_text()
    assert main(run) == 0
    assert "done  turns" in capfd.readouterr().out
    assert read_results(tmp_path)["turns"] == result


def test_a_part_of_people_has_their_recordings_and_the_report_not_their_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    write_directory(recordings, entry())
    of_people = "model --recordings DIR --model MODEL"
    monkeypatch.setattr(command, "PARTS", [Part("people-turns", of_people, of_people, (1, 1), {})])
    run = ["--recordings", str(recordings), "--model", "bundled", "--results", str(tmp_path / "results")]
    assert main(run) == 0
    result = read_results(tmp_path / "results")["people-turns"]
    assert result.command == "model --recordings DIR --model bundled"
    assert (result.figures["wer_percent"], result.settings["recordings"]) == (0, 1)
    assert str(tmp_path) not in (tmp_path / "results" / REPORT).read_text()


def test_a_part_without_a_result_is_named_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = Part("turns", "turns --condition none", "turns --condition none", (1, 1), {})
    monkeypatch.setattr(command, "PARTS", [bad])
    assert main(["--results", str(tmp_path)]) == 1
    assert "turns: no result" in capfd.readouterr().err
    assert (tmp_path / REPORT).exists()


def test_a_part_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command._status_of(["turns"], limit_s=0.1) != 0


def test_what_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "turns.json").write_text("{}")
    with pytest.raises(ResultError, match=r"turns\.json"):
        read_result(tmp_path / "turns.json")
