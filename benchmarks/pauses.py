"""Pauses and ends of sentences in recordings, and the decisions of a setting of the endpointer on them.

A sentence ends at a full stop of the text with a pause after it, and at the end of a recording. In a
dictation the speaker continues at once after it, so room noise of the recording is inserted there: every
setting then shows how long it waits. A pause within a sentence is one of 100 ms and more between two of its
words. A recording whose text has no full stops is one sentence if it is short, and is left out if it is long.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.figures import Played
from benchmarks.measures import percentile
from benchmarks.recordings.material import Recorded
from benchmarks.recordings.sound import FRAME_MS, levels_db
from benchmarks.recordings.stock import read_audio
from benchmarks.segments import timings
from clients.samples import Sample, SpokenWord, Utterance
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.endpoint import EndpointOptions

PAUSE_MS = 100  # between words; shorter gaps are closures of consonants
WAIT_MS = 2500  # inserted after a sentence, longer than any setting waits
ROOM_MS = 300  # of the quietest audio, which is repeated for it
LONGEST_SENTENCE_MS = 15_000  # of a text without full stops
WORDS_MS = ((400, 500), (500, 600), (600, 800))  # after a finished sentence, and after anything else
LIKELY_ENDS = (0.5, 0.9)

Audio = NDArray[np.float32]


@contextmanager
def finished(recorded: Sequence[Recorded]) -> Iterator[list[Sample]]:
    """The recordings with their sentences as utterances and a wait behind each, in files of their own."""
    with tempfile.TemporaryDirectory() as scratch:
        said = [
            (one, sentences([word for part in one.utterances for word in part.words])) for one in recorded
        ]
        yield [
            _spaced(one, found, Path(scratch) / f"{number}.flac")
            for number, (one, found) in enumerate(said)
            if len(found) > 1 or (found and found[0].end_ms - found[0].start_ms <= LONGEST_SENTENCE_MS)
        ]


def sentences(words: Sequence[SpokenWord]) -> list[Utterance]:
    """The words, cut at the end of each sentence with a pause after it."""
    if not words:
        return []
    ends = [
        number
        for number, (one, next_one) in enumerate(pairwise(words), 1)
        if one.word.rstrip("\"'”’)").endswith((".", "?", "!")) and next_one.start_ms - one.end_ms >= PAUSE_MS
    ]
    return [_utterance(words[begin:end]) for begin, end in pairwise([0, *ends, len(words)])]


def _utterance(words: Sequence[SpokenWord], later_ms: int = 0) -> Utterance:
    moved = tuple(SpokenWord(one.word, one.start_ms + later_ms, one.end_ms + later_ms) for one in words)
    return Utterance(" ".join(one.word for one in moved), moved[0].start_ms, moved[-1].end_ms, moved)


def _spaced(recorded: Recorded, said: Sequence[Utterance], file: Path) -> Sample:
    """The recording, written with a wait in the middle of the pause behind each sentence."""
    audio = read_audio(recorded.path)
    wait = np.resize(_room(audio), to_samples(WAIT_MS))
    cuts = [to_samples((one.end_ms + next_one.start_ms) // 2) for one, next_one in pairwise(said)]
    parts = [part for piece in np.split(audio, cuts) for part in (piece, wait)]
    soundfile.write(file, np.concatenate(parts), SAMPLE_RATE)
    moved = tuple(_utterance(one.words, number * WAIT_MS) for number, one in enumerate(said))
    return Sample(
        file=str(file),
        condition=recorded.condition,
        duration_ms=recorded.duration_ms + len(said) * WAIT_MS,
        utterances=moved,
        language=recorded.language,
    )


def _room(audio: Audio) -> Audio:
    """The quietest part of a recording, forwards and backwards so that it repeats without a click."""
    length = min(ROOM_MS // FRAME_MS, len(audio) * 1000 // SAMPLE_RATE // FRAME_MS)
    means = np.convolve(levels_db(audio), np.full(length, 1 / length), mode="valid")
    begin = to_samples(int(means.argmin()) * FRAME_MS)
    quiet = audio[begin : begin + to_samples(length * FRAME_MS)]
    return np.concatenate([quiet, quiet[::-1]])


def curve(base: EndpointOptions, with_model: bool) -> Iterator[tuple[str, EndpointOptions, bool]]:
    """What is compared: a name, the options, and whether the end-of-turn model is used."""
    for ms in (300, 400, 500, 600, 800, 1000, 1200):
        yield f"{ms} ms", replace(base, adaptive=False, end_silence_ms=ms), False
    for shortest, middle in WORDS_MS:
        following = replace(base, min_end_silence_ms=shortest, end_silence_ms=middle)
        silences = f"{shortest} / {middle} / {following.unfinished_ms} ms by the words"
        yield silences, following, False
        for likely in LIKELY_ENDS if with_model else ():
            yield f"{silences} and the model, from {likely}", replace(following, likely_end=likely), True


def figures_of(played: Sequence[Played]) -> dict[str, float]:
    """One setting's point on the curve."""
    delays = [delay for one in played for delay in _delays_ms(one)]
    cuts = [cut for one in played for cut in _cuts(one)]
    return {
        "delay_p50_ms": percentile(delays, 50),
        "delay_p95_ms": percentile(delays, 95),
        "false_cutoffs_percent": 100 * sum(cuts) / max(1, len(cuts)),
        "ends": len(delays),
        "pauses": len(cuts),
    }


def _delays_ms(played: Played) -> list[float]:
    """For each sentence that ended a turn, the delay to the end of the turn."""
    last_words = {said.words[-1] for said in played.sample.utterances}
    found = [segment for segment in played.compared[0] if last_words.intersection(segment.words[-1:])]
    return [delay for one in found if (delay := timings(one, None).endpoint) is not None]


def _cuts(played: Played) -> list[bool]:
    """For each pause within a sentence whether it ended a turn; only where both words around it were
    recognised."""
    turn_of = {word: number for number, turn in enumerate(played.compared[0]) for word in turn.words}
    return [
        turn_of[before] != turn_of[behind]
        for said in played.sample.utterances
        for before, behind in pairwise(said.words)
        if behind.start_ms - before.end_ms >= PAUSE_MS and turn_of.keys() >= {before, behind}
    ]
