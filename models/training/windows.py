"""Composes training windows out of utterances, as a streaming recognizer meets them.

A window holds nothing, one or several utterances; it may begin after some words of an utterance (whose text
then is its prompt) and may end within one. Text and times are cut to the words in the window.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.training.augment import SAMPLE_RATE, Augmenter, Samples, change_rate
from models.training.phones import phone_number
from models.training.voices import Utterance

LONGEST_S = 30.0
_TOLERANCE = 640  # 40 ms: a word cut by no more than this still counts as inside
_STREAMING_SILENCE = 4800  # 300 ms: what the server appends to a running utterance before it decodes
PROMPT_WORDS = 48
_SPEECHLESS = 0.12  # share of windows without speech
_SPLICED = 0.3  # share of utterances that are the beginning of one and the end of another


class Source(Protocol):
    """What windows are composed from; a `Corpus`, or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Utterance: ...


@dataclass(frozen=True)
class Piece:
    """A part of an utterance in a window; times are samples from its beginning."""

    samples: Samples
    words: list[str]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    phone_starts: NDArray[np.float64]
    phones: NDArray[np.int64]
    before: str = ""  # words of the utterance that were cut off in front

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass
class Window:
    """Sound, what is said in it and where, and the text that came before it."""

    samples: Samples
    pieces: list[tuple[int, Piece]] = field(default_factory=list)  # (position in samples, piece)
    prompt: str = ""

    @property
    def spoken(self) -> list[tuple[int, Piece]]:
        """The pieces with at least one word."""
        return [(position, piece) for position, piece in self.pieces if piece.words]


def whole(utterance: Utterance, factor: float = 1.0) -> Piece:
    """The utterance as a piece, played faster by `factor`."""
    samples = utterance.samples.astype(np.float32) * np.float32(1 / 32768)
    return Piece(
        samples=samples if factor == 1 else change_rate(samples, factor),
        words=utterance.text.split(),
        starts=utterance.word_starts / factor,
        ends=utterance.word_ends / factor,
        phone_starts=np.array([time for time, _ in utterance.phones]) / factor,
        phones=np.array([phone_number(name) for _, name in utterance.phones], np.int64),
    )


def cut(piece: Piece, begin: int, end: int) -> Piece:
    """The part of a piece between two samples, with the words that are inside, within 40 ms.

    The last word loses its punctuation if words after it are cut off.
    """
    inside = [
        index
        for index in range(len(piece.words))
        if piece.starts[index] >= begin - _TOLERANCE and piece.ends[index] <= end + _TOLERANCE
    ]
    words = [piece.words[index] for index in inside]
    if inside and inside[-1] + 1 < len(piece.words):
        words[-1] = words[-1].rstrip(",.?")
    length = min(end, len(piece.samples)) - begin
    phones = piece.phone_starts < end
    before = [
        word for word, word_end in zip(piece.words, piece.ends, strict=True) if word_end <= begin + _TOLERANCE
    ]
    return Piece(
        samples=piece.samples[begin:end],
        words=words,
        starts=np.clip(piece.starts[inside] - begin, 0, length),
        ends=np.clip(piece.ends[inside] - begin, 0, length),
        phone_starts=piece.phone_starts[phones] - begin,
        phones=piece.phones[phones],
        before=" ".join(before) if begin else "",
    )


def join(first: Piece, second: Piece) -> Piece:
    """One piece after the other, as if said in one breath."""
    offset = len(first.samples)
    return Piece(
        samples=np.concatenate([first.samples, second.samples]),
        words=first.words + second.words,
        starts=np.concatenate([first.starts, second.starts + offset]),
        ends=np.concatenate([first.ends, second.ends + offset]),
        phone_starts=np.concatenate([first.phone_starts, second.phone_starts + offset]),
        phones=np.concatenate([first.phones, second.phones]),
        before=first.before,
    )


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


class WindowMaker:
    """Draws windows from a source; the same seed draws the same windows."""

    def __init__(self, source: Source, seed: int | str) -> None:
        self._source = source
        self._augmenter = Augmenter(seed)
        self.rng = random.Random(f"windows {seed}")
        self._order: list[int] = []

    def _next(self) -> Piece:
        """An utterance, or halves of two as one, so that the text cannot be predicted without the audio."""
        first = self._spoken()
        if self.rng.random() >= _SPLICED or len(first.words) < 2:
            return first
        end = first.ends[self.rng.randrange(len(first.words) - 1)] + 320
        return join(cut(first, 0, int(end)), self._without_beginning(self._spoken()))

    def _spoken(self) -> Piece:
        if not self._order:
            self._order = list(range(len(self._source)))
            self.rng.shuffle(self._order)
        factor = self.rng.uniform(0.83, 1.2) if self.rng.random() < 0.7 else 1.0
        return whole(self._source[self._order.pop()], factor)

    def easy(self) -> Window:
        """One whole utterance in silence: what training begins with."""
        piece = self._next()
        lead, trail = silence(self.rng.uniform(0, 0.3)), silence(self.rng.uniform(0, 0.4))
        return Window(np.concatenate([lead, piece.samples, trail]), [(len(lead), piece)])

    def draw(self, at_least_s: float = 0.0) -> Window:
        """A random window; with `at_least_s`, of utterances to about that length."""
        rng = self.rng
        if not at_least_s and rng.random() < _SPEECHLESS:
            seconds = rng.uniform(0.4, 7) if rng.random() < 0.7 else rng.uniform(7, 29)
            return Window(self._augmenter.background(int(seconds * SAMPLE_RATE)))
        window, ends_within = self._speech(self._target_s(at_least_s))
        samples = window.samples
        if rng.random() < 0.1 and not ends_within:
            samples = np.append(samples, silence(rng.uniform(0, 2)))
        samples = self._augmenter.channel(samples)
        if rng.random() < (0.4 if ends_within else 0.25):
            samples = np.append(samples, np.zeros(_STREAMING_SILENCE, np.float32))
        return replace(window, samples=samples[: int(LONGEST_S * SAMPLE_RATE)])

    def _target_s(self, at_least_s: float) -> float:
        """The length to which utterances are added; 0 for a single one."""
        if at_least_s:
            return at_least_s
        chance = self.rng.random()
        if chance < 0.65:
            return 0.0
        return self.rng.uniform(2, 8) if chance < 0.93 else self.rng.uniform(8, 20)

    def _speech(self, target_s: float) -> tuple[Window, bool]:
        """Utterances one after the other, and whether the window ends within the last of them."""
        rng = self.rng
        piece = self._next()
        if rng.random() < 0.2:
            piece = self._without_beginning(piece)
        prompt = self._prompt(piece.before)
        lead = (
            0.0
            if piece.before
            else rng.choice([rng.uniform(0, 0.1), rng.uniform(0, 0.4), rng.uniform(0, 0.8)])
        )
        parts, pieces, position = [silence(lead)], [], int(lead * SAMPLE_RATE)
        while True:
            enough = position + len(piece.samples) >= target_s * SAMPLE_RATE
            ends_within = enough and rng.random() < 0.3
            if ends_within:
                piece = self._without_end(piece)
            pieces.append((position, piece))
            level = np.float32(rng.uniform(0.5, 1))
            gap = rng.uniform(0, 0.5) if enough else rng.uniform(0.2, 1.5)
            gap = 0.0 if ends_within and rng.random() < 0.7 else gap
            parts += [piece.samples * level, silence(gap)]
            position += len(piece.samples) + int(gap * SAMPLE_RATE)
            following = None if enough else self._next()
            if following is None or position + len(following.samples) > LONGEST_S * SAMPLE_RATE:
                return Window(np.concatenate(parts), pieces, prompt), ends_within
            piece = following

    def _without_beginning(self, piece: Piece) -> Piece:
        if len(piece.words) < 2:
            return piece
        first = self.rng.randrange(1, len(piece.words))
        begin = piece.ends[first - 1] + self.rng.uniform(-0.02, 0.08) * SAMPLE_RATE
        return cut(piece, int(max(0, min(begin, piece.starts[first]))), len(piece.samples))

    def _without_end(self, piece: Piece) -> Piece:
        """Ends anywhere in the piece: within a word, or up to 300 ms after one."""
        if self.rng.random() < 0.6:
            end = self.rng.uniform(0.1, 1) * len(piece.samples)
        else:
            end = (
                self.rng.choice(list(piece.ends)) + self.rng.uniform(0, 0.3) * SAMPLE_RATE
                if piece.words
                else 0
            )
        return cut(piece, 0, int(max(min(end, len(piece.samples)), SAMPLE_RATE // 10)))

    def _prompt(self, before: str) -> str:
        """The text before the window: of the same utterance where it was cut, and of earlier ones."""
        rng = self.rng
        sentences = [before] if before and rng.random() < 0.85 else []
        if rng.random() < (0.4 if before else 0.15):
            earlier = 1 if rng.random() < 0.7 else rng.randint(2, 8)
            sentences = [
                self._source[rng.randrange(len(self._source))].text for _ in range(earlier)
            ] + sentences
        return " ".join(" ".join(sentences).split()[-PROMPT_WORDS:])
