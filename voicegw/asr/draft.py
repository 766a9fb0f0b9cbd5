"""A window that is decoded, and what one decode of it wrote."""

from dataclasses import dataclass
from typing import Any

from voicegw.asr.model import Prompt, Spectrogram
from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE
from voicegw.core.jobs import DecodeJob


@dataclass(frozen=True, slots=True)
class Window:
    """A job with its spectrogram, and what the decoder reads before it writes."""

    job: DecodeJob
    spectrogram: Spectrogram
    prompt: Prompt

    @property
    def seconds(self) -> float:
        return len(self.job.pcm) / SAMPLE_BYTES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Draft:
    """What one decode of a window wrote. tokens: its text. encoded: the encoder's output for the window, of
    `frames` frames. score: the mean log-probability of a token. said: it is what somebody said. endless: it
    wrote on until its token limit. cut: because the window has more text than one decode may write.
    suspicious: it wrote on for another reason, or repeats itself."""

    tokens: list[int]
    text: str
    encoded: Any
    frames: int
    score: float
    said: bool
    endless: bool
    cut: bool
    suspicious: bool
