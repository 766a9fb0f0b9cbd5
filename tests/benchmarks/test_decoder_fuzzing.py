from pathlib import Path

from benchmarks import decoders


def test_two_seconds_for_each_decoder_find_nothing(tmp_path: Path) -> None:
    assert decoders.main(["--seconds", "2", "--found", str(tmp_path)]) == 0
    assert not list(tmp_path.iterdir())
