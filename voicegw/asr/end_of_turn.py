"""The end-of-turn model: estimates from the last seconds of audio how likely the speaker has finished.

The model is Smart Turn v3.2 (Daily, BSD-2): the encoder of Whisper tiny, trained on how people end a turn and
how they pause in one. It uses intonation, fillers and drawn-out words, which a transcript does not contain.
Its weights are in the wheel of pipecat-ai; only that file of the package is used, and none of its code is
run.

The input is 8 s of audio, zeros in front where there is less, at mean 0 and variance 1, as the log-mel
spectrogram of Whisper.
"""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import SAMPLE_RATE
from voicegw.errors import ModelUnavailable

WINDOW_SAMPLES = 8 * SAMPLE_RATE
_PACKAGE, _FILE = "pipecat", "audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"
_SHA256 = "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"
_INSTALL = "pip install --no-deps pipecat-ai==1.14.0"


class EndOfTurnModel:
    """The loaded model. It keeps no state between calls and may be used by several threads."""

    def __init__(self, file: Path) -> None:
        """Raises ModelUnavailable when the file is not that model."""
        import onnxruntime

        try:
            weights = file.read_bytes()
        except OSError as error:
            raise ModelUnavailable(f"cannot read the end-of-turn model {file}: {error.strerror}") from error
        if hashlib.sha256(weights).hexdigest() != _SHA256:
            raise ModelUnavailable(
                f"{file} is not the end-of-turn model known here; repair it with: {_INSTALL}"
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(weights, options, ["CPUExecutionProvider"])

    def probability(self, pcm: bytes) -> float:
        """That the speaker has finished, 0 to 1, where this audio (s16le at 16 kHz) ends."""
        [[probability]] = self._session.run(None, {"input_features": features(pcm)[None]})[0]
        return float(probability)


def features(pcm: bytes) -> NDArray[np.float32]:
    """The input of the model: mel bands by frames of 10 ms."""
    audio = np.frombuffer(pcm, dtype="<i2")[-WINDOW_SAMPLES:].astype(np.float32) / 32768
    audio = np.pad(audio, (WINDOW_SAMPLES - len(audio), 0))
    normal = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    return np.asarray(_extractor()(normal, padding=0), np.float32)


@cache
def _extractor() -> Any:
    from faster_whisper.feature_extractor import FeatureExtractor

    return FeatureExtractor(chunk_length=WINDOW_SAMPLES // SAMPLE_RATE)


def find() -> Path | None:
    """The file of the model; None where the package is not installed."""
    package = find_spec(_PACKAGE)
    places = (package and package.submodule_search_locations) or ()
    files = (Path(place) / _FILE for place in places)
    return next((file for file in files if file.exists()), None)


def load() -> EndOfTurnModel:
    """The model, once in a process. Raises ModelUnavailable."""
    file = find()
    if file is None:
        raise ModelUnavailable(f"--asr.end-of-turn needs the end-of-turn model: {_INSTALL}")
    return _loaded(file)


@cache
def _loaded(file: Path) -> EndOfTurnModel:
    model = EndOfTurnModel(file)
    model.probability(b"")  # the first use takes longer
    return model
