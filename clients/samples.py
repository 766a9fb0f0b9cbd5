"""The sample recordings in models/samples, and their transcripts."""

from pathlib import Path

import msgspec

from clients.errors import ClientError

SAMPLES = Path(__file__).resolve().parent.parent / "models" / "samples"


class SpokenWord(msgspec.Struct, frozen=True):
    """A word and its times, in ms from the start of the file."""

    word: str
    start_ms: int
    end_ms: int


class Utterance(msgspec.Struct, frozen=True):
    """A sentence spoken without a long pause; times in ms from the start of the file."""

    text: str
    start_ms: int
    end_ms: int
    words: tuple[SpokenWord, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """A sound file and its reference.

    condition: of the recording: clean, or the noise or telephone band in it. language: ISO 639-1; empty for
    the default of the server.
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


def sample_named(file: str) -> Sample:
    """One of them. Raises ClientError when there is none of that name."""
    for sample in read_samples():
        if sample.file == file:
            return sample
    raise ClientError(f"no such sample: {file}; models/samples/refs.json lists them")
