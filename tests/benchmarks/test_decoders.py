import importlib.util
from pathlib import Path

import pytest

from benchmarks import decoders


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(decoders, "find_spec", lambda _: None)
    assert decoders.main([]) == 2
    assert "`fuzz` extra" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_a_few_seconds_find_nothing(tmp_path: Path) -> None:
    assert decoders.main(["--seconds", "2", "--found", str(tmp_path)]) == 0
    assert not list(tmp_path.iterdir())
