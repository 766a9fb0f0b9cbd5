import json
from pathlib import Path

import pytest
import soundfile

from clients import call_simulator
from clients.call_simulator import Outcome
from clients.calls.call import Call, CallRecord
from clients.calls.caller import Said
from clients.calls.figures import figures_of
from clients.calls.impairment import Impairment
from clients.calls.twilio import TwilioCarrier
from clients.errors import Refused
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


class BusyAtFirst(Call):
    """A call to a server that refuses it twice."""

    def __init__(self) -> None:
        super().__init__(TwilioCarrier(), [], Impairment())
        self.tries = 0

    async def run(self, url: str, token: str | None = None) -> CallRecord:
        self.tries += 1
        if self.tries < 3:
            raise Refused(503, "at_capacity", "busy", retryable=True)
        return record([], [])


@pytest.mark.usefixtures("virtual_clock")
async def test_a_server_that_is_busy_at_first_is_called_again() -> None:
    call = BusyAtFirst()
    await call_simulator.run_when_ready(call, "ws://127.0.0.1:9", None, within_s=10)
    assert call.tries == 3
    with pytest.raises(Refused):
        await call_simulator.run_when_ready(BusyAtFirst(), "ws://127.0.0.1:9", None, within_s=0)


@pytest.mark.parametrize(
    ("spans", "problem"), [([], "0 of 2 lines"), ([(2.5, 4.0), (6.5, 7.0)], "did not interrupt")]
)
def test_a_call_that_was_not_complete_is_told_of(spans: list[tuple[float, float]], problem: str) -> None:
    call = record(SAID, spans)
    assert any(problem in each for each in Outcome(call, figures_of(call)).problems())
