import json
from pathlib import Path

import pytest
import soundfile

from clients import call_simulator
from clients.call_simulator import Outcome
from clients.calls.caller import Said
from clients.calls.figures import figures_of
from tests.clients.calls.recorded import record

SAID = [Said(1000, 2000, interrupts=False), Said(5000, 6000, interrupts=True)]


def test_a_call_with_the_bundled_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"call.{name}" for name in ("json", "wav", "svg")}
    outputs = [f"--json={files['json']}", f"--recording={files['wav']}", f"--timeline={files['svg']}"]
    served = ["--serve-options", "--voice-engine", "espeak"]
    assert call_simulator.main(["--serve", "--jitter-ms", "40", *outputs, *served]) == 0
    assert "stop_ms" in capsys.readouterr().out
    figures = json.loads(files["json"].read_text())["figures"]
    assert figures["turns"] == 2  # others depend on the load of the machine; see calls/test_call.py
    samples, rate = soundfile.read(files["wav"])
    assert rate == 8_000
    assert samples.shape[1] == 2
    assert b"<svg" in files["svg"].read_bytes()


def test_a_server_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert call_simulator.main(["--url", "ws://127.0.0.1:9"]) == 1
    assert "no voicegw server answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spans", "problem"), [([], "0 of 2 lines"), ([(2.5, 4.0), (6.5, 7.0)], "did not interrupt")]
)
def test_a_call_that_was_not_complete_is_told_of(spans: list[tuple[float, float]], problem: str) -> None:
    call = record(SAID, spans)
    assert any(problem in each for each in Outcome(call, figures_of(call)).problems())
