import json
from pathlib import Path

import pytest

from benchmarks.model import MEANINGS, main
from tests.benchmarks.recordings.directory import entry, write_directory


def test_the_bundled_model_on_a_few_utterances(tmp_path: Path) -> None:
    kept = tmp_path / "model.json"
    assert main(["--utterances", "9", "--json", str(kept)]) == 0
    figures = json.loads(kept.read_bytes())["figures"]
    assert figures.keys() == MEANINGS.keys()
    assert figures["wer_clean_percent"] < 50
    assert figures["words_on_silence"] < 10
    assert 1 < figures["model_mb"] < 20


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--model", "/nowhere/at/all"]) == 1
    assert "/nowhere/at/all" in capsys.readouterr().err


def test_a_users_own_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_directory(tmp_path, entry(), entry("yes-1.wav", kind="nonspeech", lang="xx", text=""))
    kept = tmp_path / "model.json"
    assert main(["--recordings", str(tmp_path), "--json", str(kept)]) == 0
    figures = json.loads(kept.read_bytes())["figures"]
    assert (figures["wer_percent"], figures["wer_offline_percent"]) == (0, 0)
    assert figures["made_up_words_per_minute"] > 0
