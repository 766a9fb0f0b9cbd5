"""`scripts/plan` as it is called."""

import subprocess
from pathlib import Path

import msgspec
import pytest

from benchmarks.report import write_json
from benchmarks.sizing import plan_command
from benchmarks.sizing.plan_command import main
from tests.benchmarks.sizing.figures import measured
from tests.documents import README


@pytest.fixture(autouse=True)
def _keep_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command configures the log of its process, which is that of other tests, too."""
    monkeypatch.setattr(plan_command, "configure_logging", lambda *_, **__: None)


@pytest.fixture
def figures(tmp_path: Path) -> str:
    """A file of measured figures."""
    path = tmp_path / "sizing.json"
    write_json("sizing", {"model": "invented"}, measured(decode_ms=60).figures, path)
    return str(path)


def test_the_plan_names_every_part_its_sources_and_the_bottleneck(
    figures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "plan.json"
    asked = ["--callers", "200", "--measured", figures, "--seconds", "10", "--json", str(written)]
    assert main([*asked, "--fail", "gateway", "worker", "shard"]) == 0
    shown = capsys.readouterr().out
    for expected in ("gateways", "workers", "redis_shards", "word_p95_ms", "model invented", "bottleneck: "):
        assert expected in shown
    assert shown.count("ends: word p95") == 3
    found = msgspec.json.decode(written.read_bytes())["figures"]
    assert found["gateways"] >= 1
    assert found["shard_fault_worst_second_ms"] > found["word_p95_ms"]


def test_callers_who_are_not_served_in_time_are_the_exit_status(figures: str) -> None:
    asked = ["--callers", "100", "--measured", figures, "--seconds", "5"]
    assert main([*asked, "--set", "redis_cpu_ms_per_speech_s=200", "--shards", "1"]) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--device", "cuda"], "scripts/bench sizing --model base --device cuda"),
        (["--measured", "/nowhere.json"], "is no result of scripts/bench"),
    ],
)
def test_what_was_not_measured_is_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert told in capsys.readouterr().err


def test_wrong_numbers_are_told() -> None:
    for arguments in (["--set", "hop_p50_ms"], ["--talk", "0"], ["--callers", "0"], ["--talk", "1.5"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)


def test_the_script_plans_with_the_figures_of_the_project() -> None:
    called = ["scripts/plan", "--callers", "100", "--seconds", "5", "--model", "bundled"]
    ran = subprocess.run(called, cwd=README.parent, capture_output=True, text=True, timeout=300, check=True)
    assert "bottleneck: " in ran.stdout
