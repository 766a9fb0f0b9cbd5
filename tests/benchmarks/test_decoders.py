import pytest

from benchmarks import decoders


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(decoders, "find_spec", lambda _: None)
    assert decoders.main([]) == 2
    assert "`fuzz` extra" in capsys.readouterr().err
