"""The bundled recordings of single sentences, read with the standard library alone."""

import json
import wave
from pathlib import Path

import numpy as np

from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.resample import Resampler

SAMPLES = Path(__file__).resolve().parents[2] / "models/samples"


def speech(rate: int = SAMPLE_RATE) -> Pcm:
    """All clean recordings of a single sentence, one after the other, at `rate` samples a second."""
    samples = json.loads((SAMPLES / "refs.json").read_text())
    found = [each for each in samples if len(each["utterances"]) == 1 and each["condition"] == "clean"]
    assert found, "there are no recordings of single sentences"
    pieces = []
    for sample in found:
        with wave.open(str(SAMPLES / sample["file"])) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLE_RATE, 1, 2)
            pieces.append(np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"))
    whole = np.concatenate(pieces)
    return whole if rate == SAMPLE_RATE else Resampler(SAMPLE_RATE, rate).push(whole)
