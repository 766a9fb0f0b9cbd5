from pathlib import Path

import soundfile

from clients.calls.caller import Said
from clients.calls.recording import write_recording
from tests.clients.calls.recorded import RATE, record


def test_both_sides_are_written_side_by_side(tmp_path: Path) -> None:
    write_recording(record([Said(1000, 2000, interrupts=False)], [(2.5, 3.0)]), tmp_path / "call.wav")
    samples, rate = soundfile.read(tmp_path / "call.wav", dtype="int16")
    assert (rate, samples.shape) == (RATE, (20 * RATE, 2))
    assert samples[:, 0].all()
    assert not samples[: 2 * RATE, 1].any()
    assert samples[round(2.6 * RATE), 1]
