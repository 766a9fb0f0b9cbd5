from pathlib import Path

import pytest

from benchmarks.recordings import main
from tests.benchmarks.recordings.directory import entry, write_directory


def test_valid_recordings_are_summarised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_directory(tmp_path, entry(), entry("digits-1.wav", kind="digits", wer_ok=False))
    assert main([str(tmp_path)]) == 0
    cells = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:3] + row[4:] for row in cells if "en" in row] == [
        ["command", "en", "1", "7", "1"],
        ["digits", "en", "1", "7", "0"],
    ]


def test_problems_are_listed_and_the_status_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_directory(tmp_path, entry("gone.wav"))
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "manifest.jsonl:1: gone.wav: the file is missing\n1 problems\n"


def test_a_directory_without_a_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "manifest.jsonl cannot be read" in capsys.readouterr().err
