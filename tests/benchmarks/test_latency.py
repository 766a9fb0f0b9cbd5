import pytest

from benchmarks.latency import main, offline_errors
from clients.samples import Sample, read_samples
from voicegw.asr.whisper import WhisperOptions


def sample(file: str) -> Sample:
    return next(sample for sample in read_samples() if sample.file == file)


def test_an_unknown_sample_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "nonsense.wav"]) == 2
    assert "no such samples" in capsys.readouterr().err


def test_the_offline_pass_decodes_every_utterance() -> None:
    errors = offline_errors([sample("command-1.wav")], WhisperOptions(model="bundled"))
    assert errors.reference == sum(len(said.words) for said in sample("command-1.wav").utterances)
    assert errors.percent < 50


def test_a_server_that_cannot_start_ends_the_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "command-1.wav", "--model", "/nowhere/at-all"]) == 1
    assert "did not start" in capsys.readouterr().err
