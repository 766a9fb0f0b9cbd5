"""The sample recordings that come with the model, and what is said in them."""

from pathlib import Path

import msgspec

SAMPLES = Path(__file__).resolve().parent.parent / "models" / "samples"


class SpokenWord(msgspec.Struct, frozen=True):
    """A word and when it is said, in ms from the file's start."""

    word: str
    start_ms: int
    end_ms: int


class Utterance(msgspec.Struct, frozen=True):
    """A sentence said in one go, in ms from the file's start."""

    text: str
    start_ms: int
    end_ms: int
    words: tuple[SpokenWord, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """A sound file and its reference.

    condition: what was done to the recording: clean, or a kind of noise or line. language: ISO 639-1; empty
    for what a server takes for granted.
    """

    file: str
    condition: str
    duration_ms: int
    utterances: tuple[Utterance, ...]
    language: str = ""

    @property
    def path(self) -> Path:
        """Where the sound file is."""
        return SAMPLES / self.file


def read_samples() -> list[Sample]:
    """All of them, from refs.json."""
    return msgspec.json.decode((SAMPLES / "refs.json").read_bytes(), type=list[Sample])
