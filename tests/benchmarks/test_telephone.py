import json
from pathlib import Path

import pytest

from benchmarks.recording import Recording, turns_of
from benchmarks.telephone import PATHS, call, main
from tests.benchmarks.recordings.directory import TEXT, entry, write_directory
from tests.benchmarks.test_simulation import echo, shortest
from tests.speech import pcm
from voicegw.asr.vad import VadOptions
from voicegw.core.session import SessionOptions
from voicegw.dialects import native


def called(loss: float) -> Recording:
    return call(shortest(), SessionOptions(), VadOptions(), echo, loss)


@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_a_call_is_heard_to_its_end_and_lost_packets_shift_nothing(loss: float) -> None:
    recording = called(loss)
    [turn] = turns_of(recording)
    assert turn.final is not None
    [before] = turns_of(called(0.0))
    assert before.final is not None
    assert abs(turn.final.end_ms - before.final.end_ms) <= 100
    acknowledged = [  # at 8 kHz
        each.message for each in recording.received if isinstance(each.message, native.AckedMessage)
    ]
    assert abs(4 * acknowledged[-1].samples - len(pcm(shortest()))) <= 1280


def test_recordings_on_every_path(tmp_path: Path) -> None:
    directory = write_directory(tmp_path, entry())
    file = tmp_path / "figures.json"
    assert main(["--recordings", str(directory), "--json", str(file)]) == 0
    figures = json.loads(file.read_text())["figures"]
    assert figures["call_wer_offline_percent"] < 100 / len(TEXT.split())
    assert [name for name in figures if name.endswith("wer_percent")] == [
        "16_kHz_wer_percent",
        "call_wer_percent",
        "call_1_lost_wer_percent",
    ]
    assert len(PATHS) == 3
    assert figures["call_wer_percent"] < 100 / len(TEXT.split())
    assert figures["call_wer_gap_points"] == figures["call_wer_percent"] - figures["16_kHz_wer_percent"]


def test_recordings_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--recordings" in capsys.readouterr().err
