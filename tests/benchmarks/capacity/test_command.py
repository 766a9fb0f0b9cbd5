from pathlib import Path

import pytest

from benchmarks.capacity import main


@pytest.mark.parametrize(
    "arguments",
    [["--streams", "0,1"], ["--streams", "many"]],
)
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_a_server_that_cannot_start_ends_the_benchmark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "x.json"
    assert main(["--seconds", "1", "--model", "/nowhere/at-all", "--json", str(written)]) == 1
    assert "did not start" in capsys.readouterr().err
    assert not written.exists()


def test_an_option_that_the_server_does_not_know_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--serve", "--pool.workers", "-3"]) == 1
    assert "pool.workers" in capsys.readouterr().err
