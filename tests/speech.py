"""The shipped recordings as tests want them: by name, as samples, with a measure of what was heard."""

import re

import jiwer

from clients.audio import read_pcm
from clients.samples import Sample, read_samples
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind

SAMPLE_BYTES = 2


def single_utterances() -> list[Sample]:
    """The clean recordings of one sentence, shortest first."""
    found = [each for each in read_samples() if len(each.utterances) == 1 and each.condition == "clean"]
    assert found, "the samples hold no single sentences"
    return sorted(found, key=lambda each: each.duration_ms)


def said(sample: Sample) -> str:
    """The reference text."""
    return " ".join(utterance.text for utterance in sample.utterances)


def pcm(sample: Sample, rate: int = SAMPLE_RATE) -> bytes:
    """The recording as mono s16le."""
    return read_pcm(sample.path, rate)


def job(audio: bytes, number: int = 1, **fields: object) -> DecodeJob:
    """A final decode of `audio`, unless the fields say otherwise."""
    values: dict[str, object] = {"session": "s", "kind": DecodeKind.FINAL, "start": 0, **fields}
    return DecodeJob(number=number, pcm=audio, **values)  # type: ignore[arg-type]


def long_window(seconds: int) -> bytes:
    """A window that keeps a worker busy: sentences in a row."""
    audio = b"".join(pcm(sample) for sample in single_utterances())
    size = SAMPLE_BYTES * to_samples(seconds * 1000)
    return (audio * (size // len(audio) + 1))[:size]


def word_error_rate(reference: str, heard: str) -> float:
    """Without regard to case and punctuation."""
    return float(jiwer.wer(_plain(reference), _plain(heard)))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))
