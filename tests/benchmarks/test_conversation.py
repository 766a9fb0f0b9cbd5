from pathlib import Path

import pytest

from benchmarks.conversation import ASKED, INTERRUPTING, interruption, main
from clients.audio import SAMPLE_BYTES, read_pcm
from clients.samples import read_samples
from voicegw.core.audio import SAMPLE_RATE


def test_an_unknown_sample_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "nonsense.wav"]) == 1
    assert "no such sample: nonsense.wav" in capsys.readouterr().err


def test_a_server_that_cannot_start_ends_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "command-1.wav", "--model", "/nowhere/at-all"]) == 1
    assert "did not start" in capsys.readouterr().err


def test_an_interruption_is_a_question_and_speech_during_the_reply(tmp_path: Path) -> None:
    sample = interruption(tmp_path, 3)
    pcm = read_pcm(sample.path, SAMPLE_RATE)
    assert len(pcm) // SAMPLE_BYTES * 1000 // SAMPLE_RATE == sample.duration_ms
    assert 2_000 < sample.utterances[0].start_ms < sample.duration_ms


def test_an_interruption_contains_question_and_interrupting_speech() -> None:
    assert {*ASKED, *INTERRUPTING} <= {sample.file for sample in read_samples()}
