"""The bundled recordings of single sentences, read with the standard library alone."""

import wave

import numpy as np

from clients.samples import read_samples
from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.resample import Resampler


def speech(rate: int = SAMPLE_RATE) -> Pcm:
    """All clean recordings of a single sentence, one after the other, at `rate` samples a second."""
    found = [each for each in read_samples() if len(each.utterances) == 1 and each.condition == "clean"]
    assert found, "there are no recordings of single sentences"
    pieces = []
    for sample in found:
        with wave.open(str(sample.path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLE_RATE, 1, 2)
            pieces.append(np.frombuffer(file.readframes(file.getnframes()), dtype="<i2"))
    whole = np.concatenate(pieces)
    return whole if rate == SAMPLE_RATE else Resampler(SAMPLE_RATE, rate).push(whole)
