from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.recordings.checking import problems
from benchmarks.recordings.manifest import read_lines
from tests.benchmarks.recordings.directory import entry, write_directory


def found_in(directory: Path, *entries: dict[str, Any]) -> list[str]:
    return problems(directory, read_lines(write_directory(directory, *entries)))


def test_valid_recordings_have_no_problems(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(8000), 8000)
    noise = entry("quiet.wav", kind="nonspeech", lang="xx", text="")
    assert found_in(tmp_path, entry(licence="CC0"), noise) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"file": "gone.wav"}, "the file is missing"),
        ({"text": " "}, "no text"),
        ({"lang": "english"}, "unknown language code 'english'"),
        ({"kind": ""}, "no kind"),
        ({"kind": "nonspeech"}, "has text, although it has no speech"),
    ],
)
def test_problems_of_a_line(tmp_path: Path, wrong: dict[str, Any], problem: str) -> None:
    [line] = found_in(tmp_path, entry(**wrong))
    assert line.startswith("manifest.jsonl:1: ")
    assert problem in line


@pytest.mark.parametrize(
    ("samples", "rate", "problem"),
    [
        (np.zeros(0), 16_000, "holds no audio"),
        (np.zeros(16_000), 16_000, "silent"),
        (np.sign(np.sin(np.arange(16_000))), 16_000, "clipped"),
        (0.1 * np.sin(np.arange(6000)), 6000, "6000 Hz"),
    ],
)
def test_problems_of_the_audio(tmp_path: Path, samples: Any, rate: int, problem: str) -> None:
    soundfile.write(tmp_path / "x.wav", samples, rate)
    [line] = found_in(tmp_path, entry("x.wav"))
    assert problem in line


def test_a_file_that_is_not_audio(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("words")
    [line] = found_in(tmp_path, entry("x.wav"))
    assert "cannot be read as audio" in line


def test_duplicate_files_and_contents(tmp_path: Path) -> None:
    write_directory(tmp_path, entry())
    (tmp_path / "copy.wav").write_bytes((tmp_path / "command-1.wav").read_bytes())
    again, copy = found_in(tmp_path, entry(), entry(), entry("copy.wav"))
    assert "manifest.jsonl:2" in again
    assert "is listed in manifest.jsonl:1 already" in again
    assert "the same content as the file in manifest.jsonl:1" in copy


def test_an_empty_manifest_and_an_invalid_line(tmp_path: Path) -> None:
    assert found_in(tmp_path) == ["the manifest is empty"]
    (tmp_path / "manifest.jsonl").write_text("nonsense\n")
    [line] = problems(tmp_path, read_lines(tmp_path))
    assert line.startswith("manifest.jsonl:1: ")
