import json
import math
from pathlib import Path

import pytest

from benchmarks.compare import compared, main


def write(file: Path, **figures: float | None) -> str:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"name": "x", "figures": figures}))
    return str(file)


@pytest.mark.parametrize(
    ("name", "old", "new", "worse"),
    [
        ("wel_p50_ms", 400, 470, False),  # 20 % are noise
        ("wel_p50_ms", 400, 490, True),
        ("wel_p50_ms", 2, 9, False),  # and 10 ms
        ("wel_p95_ms_at_8", 400, 490, True),
        ("wel_p50_ms_voicegw", 400, 490, True),
        ("wel_p50_ms_whisperlive", 400, 900, False),  # not ours
        ("lost_words", 0, 1, True),
        ("lost_words", 1, 0, False),
        ("configured_wer_percent", 9.0, 9.9, False),
        ("configured_wer_percent", 9.0, 10.1, True),
        ("coverage_percent", 99, 96, True),
        ("commit_complete_percent", 98, 99, False),
        ("streams_at_slo", 4, 3, True),
        ("idle_connection_bytes", 30_000, 34_000, True),
        ("frame_cost_ratio", 1.8, 2.2, True),
        ("turns", 80, 40, False),  # of the material
        ("wer_percent", 9.0, math.nan, True),
    ],
)
def test_a_figure_is_worse_beyond_the_noise_of_its_kind(
    name: str, old: float, new: float, *, worse: bool
) -> None:
    assert compared(name, [old], [new]).is_worse is worse


def test_repeats_that_differ_as_much_explain_a_difference() -> None:
    assert compared("wel_p50_ms", [400, 410], [520, 540]).is_worse
    assert not compared("wel_p50_ms", [400, 540], [520, 600]).is_worse


def test_files_with_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = [write(tmp_path / f"old{ms}.json", wel_p50_ms=ms, turns=3) for ms in (400, 410)]
    new = write(tmp_path / "new.json", wel_p50_ms=800, turns=2)
    assert main([",".join(old), new]) == 1
    assert "+98 %" in capsys.readouterr().out
    assert main([new, ",".join(old)]) == 0
    assert "2 figures compared, 0 worse" in capsys.readouterr().out


def test_directories_are_compared_file_by_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("old", "new"):
        write(tmp_path / name / "turns.json", cut=0)
        write(tmp_path / name / "policies.json", wer_percent=2)
    assert main([str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    write(tmp_path / "new" / "turns.json")
    assert main([str(tmp_path / "old"), str(tmp_path / "new")]) == 1
    assert "turns: cut: there is no new value" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", '{"figures": 3}', '{"figures": {"x": "y"}}'])
def test_what_is_no_result_is_named(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text(text)
    assert main([str(tmp_path / "x.json"), str(tmp_path / "x.json")]) == 1
    assert "x.json is no result" in capsys.readouterr().err
    assert main([str(tmp_path / "absent.json"), str(tmp_path / "absent.json")]) == 1
