import json
from pathlib import Path

import pytest

from benchmarks.model import MEANINGS, main


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
