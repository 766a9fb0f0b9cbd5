"""The command against a real server, with the `openai` package."""

import json
from pathlib import Path

import pytest

from benchmarks.realtime import main
from tests.benchmarks.recordings.directory import entry, write_directory


def test_a_users_own_recordings(tmp_path: Path) -> None:
    write_directory(tmp_path, entry(), entry("yes-1.wav", text="Yes, please."))
    json_file = tmp_path / "figures.json"
    flags = ["--recordings", str(tmp_path), "--model", "bundled", "--compared", "1", "--minutes", "0.1"]
    assert main([*flags, "--json", str(json_file)]) == 0
    figures = json.loads(json_file.read_bytes())["figures"]
    assert (figures["commits"], figures["turns_compared"], figures["commit_wer_percent"]) == (2, 1, 0)
    assert (figures["changed_items"], figures["errors"]) == (0, 0)
    assert figures["items"] >= 4
    assert figures["response_later_p50_ms"] is not None


def test_a_server_that_cannot_start_ends_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "/nowhere/at-all"]) == 1
    assert "did not start" in capsys.readouterr().err
