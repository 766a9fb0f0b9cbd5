"""The times of the words of a text in a recording.

A window of up to 30 s is aligned as a whole with its text. A longer recording is recognised first and cut
between two adjacent correct words, so that each part has its own text. Whisper's alignment has no gaps: it
adds a pause to the next word or to the punctuation before it. So the start and the end of a word are then
corrected by the level of the audio.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.measures import matches
from benchmarks.recordings.cache import cached, digest_of
from benchmarks.recordings.sound import levels_db, sounding
from benchmarks.recordings.stock import WINDOW_S, Audio, Piece, StockModel, read_audio
from clients.conversation import normalised
from clients.samples import SpokenWord, Utterance
from voicegw.core.audio import SAMPLE_RATE

VERSION = "2"  # of this algorithm; a new one invalidates the cache
PAUSE_MS = 500  # between words: a new utterance
LONGEST_PART_S = WINDOW_S - 2
SHORTEST_PART_S = 12

Part = tuple[int, int, float, float]
"""The first word of a part and the word behind its last one; where it begins and ends, in seconds."""


def spoken_words(path: Path, text: str, language: str, model: StockModel) -> tuple[SpokenWord, ...]:
    """The words of the text with their times; none when the text and the recognised words differ too much."""
    depends_on = (VERSION, digest_of(path), text, language, model.identity)
    return cached(
        "alignments",
        depends_on,
        tuple[SpokenWord, ...],
        lambda: _aligned(read_audio(path), text.split(), language, model),
    )


def _aligned(audio: Audio, words: Sequence[str], language: str, model: StockModel) -> tuple[SpokenWord, ...]:
    seconds = len(audio) / SAMPLE_RATE
    parts = [(0, len(words), 0.0, seconds)]
    if seconds > WINDOW_S:
        parts = cut(words, model.words_of(audio, language), seconds)
    levels = levels_db(audio)
    aligned: list[SpokenWord] = []
    for first, behind, begin_s, end_s in parts:
        window = audio[int(begin_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)]
        pieces = model.align(window, " ".join(words[first:behind]), language)
        aligned += [
            SpokenWord(
                word, *sounding(levels, round(1000 * (begin_s + start)), round(1000 * (begin_s + end)))
            )
            for word, start, end in joined(words[first:behind], pieces)
        ]
    return tuple(aligned) if len(aligned) == len(words) else ()


def cut(words: Sequence[str], recognised: Sequence[SpokenWord], seconds: float) -> list[Part]:
    """Parts of up to 28 s, cut in the longest pauses between adjacent correct words; none when there
    are too few of them."""
    said = [(word, number) for number, one in enumerate(words) for word in normalised(one)]
    found = [(word, number) for number, one in enumerate(recognised) for word in normalised(one.word)]
    right = {
        said[at_said][1]: found[at_recognised][1]
        for at_said, at_recognised in matches([word for word, _ in said], [word for word, _ in found])
    }
    places = [  # where to cut: the word behind, the time, the pause
        (
            behind,
            (recognised[at].end_ms + recognised[next_at].start_ms) / 2000,
            recognised[next_at].start_ms - recognised[at].end_ms,
        )
        for (before, at), (behind, next_at) in pairwise(sorted(right.items()))
        if behind == before + 1 and next_at == at + 1
    ]
    parts: list[Part] = []
    first, begin_s = 0, 0.0
    while seconds - begin_s > LONGEST_PART_S:
        near = [one for one in places if SHORTEST_PART_S <= one[1] - begin_s <= LONGEST_PART_S]
        if not near:
            return []
        behind, end_s, _ = max(near, key=lambda one: one[2])
        parts.append((first, behind, begin_s, end_s))
        first, begin_s = behind, end_s
    return [*parts, (first, len(words), begin_s, seconds)]


def joined(words: Sequence[str], pieces: Sequence[Piece]) -> list[tuple[str, float, float]]:
    """The words with the times of the pieces that they consist of; fewer when the pieces end early."""
    timed: list[tuple[str, float, float]] = []
    waiting = iter(pieces)
    for word in words:
        own: list[Piece] = []
        while sum(len(piece.text) for piece in own) < len(word):
            piece = next(waiting, None)
            if piece is None:
                return timed
            own.append(piece)
        timed.append((word, own[0].begin_s, own[-1].end_s))
    return timed


def utterances(words: Sequence[SpokenWord]) -> tuple[Utterance, ...]:
    """The words cut at pauses of half a second and more."""
    if not words:
        return ()
    gaps = [
        number
        for number, (one, next_one) in enumerate(pairwise(words), 1)
        if _pause_ms(one, next_one) >= PAUSE_MS
    ]
    groups = [words[begin:end] for begin, end in pairwise([0, *gaps, len(words)])]
    return tuple(
        Utterance(" ".join(word.word for word in group), group[0].start_ms, group[-1].end_ms, tuple(group))
        for group in groups
    )


def _pause_ms(one: SpokenWord, next_one: SpokenWord) -> int:
    return next_one.start_ms - one.end_ms
