"""The end-of-turn model: its input, where it is found, and what it hears where it is installed."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tests.speech import pcm, single_utterances
from voicegw.asr import end_of_turn
from voicegw.asr.end_of_turn import WINDOW_SAMPLES, EndOfTurnModel, features, find, load
from voicegw.core.audio import SAMPLE_RATE
from voicegw.errors import ModelUnavailable

SECOND = 2 * SAMPLE_RATE  # bytes
SILENCE = bytes(SECOND // 5)
installed = pytest.mark.skipif(
    importlib.util.find_spec("pipecat") is None,
    reason="needs the end-of-turn model: pip install --no-deps pipecat-ai==1.14.0",
)


def noise(seconds: float, level: float = 3000) -> bytes:
    samples = np.random.default_rng(0).normal(0, level, int(seconds * SAMPLE_RATE))
    return samples.astype("<i2").tobytes()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the model's name that is found first, with nothing in it."""
    (tmp_path / "pipecat").mkdir()
    (tmp_path / "pipecat" / "__init__.py").write_text("raise AssertionError('its code was run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "pipecat"


def _upstream_features(audio: bytes) -> Any:
    """By the package's own code, from its file: its `__init__` wants packages that are not needed."""
    file = find()
    assert file is not None
    spec = importlib.util.spec_from_file_location("upstream", file.parent.parent / "_whisper_features.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    samples = np.frombuffer(audio, "<i2")[-WINDOW_SAMPLES:].astype(np.float32) / 32768
    window = np.pad(samples, (WINDOW_SAMPLES - len(samples), 0))
    return module.compute_whisper_log_mel_features(window, do_normalize=True)


class TestFeatures:
    def test_are_of_eight_seconds(self) -> None:
        assert features(noise(3)).shape == features(b"").shape == (80, 800)

    def test_are_of_the_last_eight_seconds(self) -> None:
        whole = noise(9)
        assert np.array_equal(features(whole), features(whole[-2 * WINDOW_SAMPLES :]))

    def test_have_silence_in_front_of_what_is_shorter(self) -> None:
        found = features(noise(2))
        assert found[:, :590].max() < found[:, 610:].min()

    def test_do_not_depend_on_the_level(self) -> None:
        quiet = np.frombuffer(noise(2), "<i2") // 4
        assert np.abs(features(noise(2)) - features(quiet.astype("<i2").tobytes())).max() < 0.05

    @installed
    def test_are_those_of_the_package(self) -> None:
        for audio in (noise(3), noise(8), pcm(single_utterances()[0])):
            assert np.abs(features(audio) - _upstream_features(audio)).max() < 1e-4


class TestLoading:
    def test_without_the_package_says_how_to_get_it(self, package: Path) -> None:
        assert find() is None
        with pytest.raises(ModelUnavailable, match=r"pip install --no-deps pipecat-ai==1.14.0$") as refused:
            load()
        assert "\n" not in refused.value.message

    def test_another_file_is_refused(self, package: Path) -> None:
        file = package / end_of_turn._FILE
        file.parent.mkdir(parents=True)
        file.write_bytes(b"other weights")
        with pytest.raises(ModelUnavailable, match=f"{file.name} is not the end-of-turn model"):
            load()

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ModelUnavailable, match=f"cannot read the end-of-turn model {tmp_path}"):
            EndOfTurnModel(tmp_path)

    @installed
    def test_is_loaded_once_and_runs_none_of_the_package(self) -> None:
        assert load() is load()
        assert "pipecat" not in sys.modules


@installed
def test_tells_what_the_package_tells() -> None:
    model = load()
    session = onnxruntime.InferenceSession(str(find()), providers=["CPUExecutionProvider"])
    told = []
    for sample in single_utterances()[:4]:
        audio = pcm(sample)[: sample.utterances[0].end_ms * SECOND // 2000 * 2] + SILENCE
        [[[expected]]] = session.run(None, {"input_features": _upstream_features(audio)[None]})
        told.append(model.probability(audio))
        assert told[-1] == pytest.approx(expected, abs=0.02)
    assert max(told) - min(told) > 0.1  # or the comparison means nothing
