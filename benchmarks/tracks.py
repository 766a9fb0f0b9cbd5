"""The audio of speakers: samples cut between utterances and concatenated to any length.

Speakers start at different positions, so that their speech and pauses do not coincide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from clients.audio import SAMPLE_BYTES, read_pcm
from clients.samples import Sample, SpokenWord, Utterance, read_samples
from voicegw.core.audio import SAMPLE_RATE, to_samples

TAIL_MS = 4_000  # silence after the last word, for the server to finish


@dataclass(frozen=True)
class Track:
    """The audio of one speaker at 16 kHz, and its utterances in ms from its start."""

    pcm: bytes
    utterances: tuple[Utterance, ...]

    @property
    def duration_ms(self) -> int:
        return len(self.pcm) // SAMPLE_BYTES * 1000 // SAMPLE_RATE


def sessions(condition: str = "clean") -> list[Sample]:
    """The sample sessions that were recorded in this condition."""
    return [one for one in read_samples() if one.file.startswith("session-") and one.condition == condition]


def parts_of(samples: Sequence[Sample]) -> list[Track]:
    """The utterances of the samples."""
    return [part for sample in samples for part in pieces(sample)]


def pieces(sample: Sample) -> list[Track]:
    """The sample cut in the middle of each pause: tracks of one utterance."""
    return cut(read_pcm(sample.path, SAMPLE_RATE), sample.utterances)


def cut(pcm: bytes, utterances: Sequence[Utterance]) -> list[Track]:
    """Audio cut in the middle of each pause between utterances."""
    middles = [(one.end_ms + next_one.start_ms) // 2 for one, next_one in pairwise(utterances)]
    end_ms = len(pcm) // SAMPLE_BYTES * 1000 // SAMPLE_RATE
    spans = pairwise([0, *middles, end_ms])
    return [
        Track(pcm[_offset(begin) : _offset(end)], (_moved(one, -begin),))
        for one, (begin, end) in zip(utterances, spans, strict=True)
    ]


def track(parts: Sequence[Track], begin: float, seconds: float) -> Track:
    """At least `seconds` of the parts in turn, from the one at the fraction `begin` of all; then silence."""
    first = int(begin * len(parts))
    pcm = bytearray()
    utterances: list[Utterance] = []
    number = first
    while len(pcm) < to_samples(round(seconds * 1000)) * SAMPLE_BYTES:
        part = parts[number % len(parts)]
        begin_ms = len(pcm) // SAMPLE_BYTES * 1000 // SAMPLE_RATE
        utterances += [_moved(one, begin_ms) for one in part.utterances]
        pcm += part.pcm
        number += 1
    return Track(bytes(pcm) + bytes(_offset(TAIL_MS)), tuple(utterances))


def _offset(at_ms: int) -> int:
    return to_samples(at_ms) * SAMPLE_BYTES


def _moved(said: Utterance, by_ms: int) -> Utterance:
    words = tuple(SpokenWord(word.word, word.start_ms + by_ms, word.end_ms + by_ms) for word in said.words)
    return Utterance(said.text, said.start_ms + by_ms, said.end_ms + by_ms, words)
