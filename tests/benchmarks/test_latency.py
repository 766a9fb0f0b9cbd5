import json
from pathlib import Path

import pytest

from benchmarks.latency import main, offline_errors
from clients.samples import sample_named
from tests.benchmarks.recordings.directory import entry, write_directory
from voicegw.asr.whisper_options import WhisperOptions


def test_an_unknown_sample_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "nonsense.wav"]) == 1
    assert "no such sample: nonsense.wav" in capsys.readouterr().err


def test_the_offline_pass_decodes_every_utterance() -> None:
    errors = offline_errors([sample_named("command-1.wav")], WhisperOptions(model="bundled"))
    assert errors.reference == sum(len(said.words) for said in sample_named("command-1.wav").utterances)
    assert errors.percent < 50


def test_a_server_that_cannot_start_ends_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "command-1.wav", "--model", "/nowhere/at-all"]) == 1
    assert "did not start" in capsys.readouterr().err


def test_a_users_own_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_directory(tmp_path, entry(), entry("yes-1.wav", text="Yes, please."))
    json_file = tmp_path / "figures.json"
    played = ["--recordings", str(tmp_path), "--model", "bundled", "--streams", "2"]
    assert main([*played, "--json", str(json_file)]) == 0
    figures = json.loads(json_file.read_bytes())["figures"]
    assert (figures["wer_percent"], figures["wer_gap_points"], figures["empty_recordings"]) == (0, 0, 0)
    assert figures["coverage_percent"] == 100
    assert 0 < figures["wel_p50_ms"] < 5000
