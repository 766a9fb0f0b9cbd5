"""Turns a window into numbers: features, decoder tokens, and targets from the synthesizer's times."""

from dataclasses import dataclass

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.training import tokens
from models.training.windows import Piece, Window

IGNORE = -100  # a target that does not count
FRAME = 320  # samples of one encoder frame: 20 ms
_MARGIN_FRAMES = 3  # 60 ms around a word that its tokens may attend to as well
_AFTER_FRAMES = (
    6  # 120 ms after a word, where punctuation and the end of text attend: word ends are read there
)
_NOWHERE = (-1.0, -1.0)


@dataclass(frozen=True)
class Example:
    """One window for the network; `mel` has 100 frames a second, all other frames are 20 ms."""

    mel: NDArray[np.float32]  # (80, frames)
    inputs: list[int]  # decoder input tokens
    labels: list[int]  # the token that follows each input
    spans: list[tuple[float, float]]  # per label: the encoder frames its word lasts, (-1, -1) for none
    frame_phones: NDArray[np.int64]
    frame_tokens: NDArray[np.int64]


class ExampleMaker:
    """Encodes windows with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._features = FeatureExtractor()

    def encode(self, window: Window, timestamps: bool) -> Example:
        """With `timestamps`, each piece is between the tokens of its start and end."""
        mel = np.asarray(self._features(window.samples, padding=0), np.float32)
        frames = mel.shape[1] // 2
        frame_phones = np.zeros(frames, np.int64)
        frame_tokens = np.full(frames, IGNORE, np.int64)
        labels: list[int] = [] if timestamps else [tokens.NO_TIMESTAMPS]
        spans: list[tuple[float, float]] = [_NOWHERE] * len(labels)
        for position, piece in window.pieces:
            _mark_phones(frame_phones, position, piece)
        for position, piece in window.spoken:
            pieces_labels, piece_spans = self._words(position, piece, frame_tokens)
            if timestamps:
                start, end = (position + time for time in (piece.starts[0], piece.ends[-1]))
                pieces_labels = [
                    tokens.timestamp(start / 16000),
                    *pieces_labels,
                    tokens.timestamp(end / 16000),
                ]
                piece_spans = [_NOWHERE, *piece_spans, _NOWHERE]
            labels += pieces_labels
            spans += piece_spans
        if not window.spoken and timestamps:
            labels, spans = [tokens.FIRST_TIMESTAMP], [_NOWHERE]
        inputs = [tokens.START, *labels]
        labels, spans = [*labels, tokens.END], [*spans, _last_span(window, frames)]
        if not window.spoken:
            labels[0] = tokens.NO_SPEECH
        prompt = self._prompt(window.prompt)
        return Example(
            mel=mel,
            inputs=prompt + inputs,
            labels=[IGNORE] * len(prompt) + labels,
            spans=[_NOWHERE] * len(prompt) + spans,
            frame_phones=frame_phones,
            frame_tokens=frame_tokens,
        )

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(" " + text).ids)

    def _prompt(self, text: str) -> list[int]:
        return [tokens.PREVIOUS, *self._ids(text)] if text else []

    def _words(
        self, position: int, piece: Piece, frame_tokens: NDArray[np.int64]
    ) -> tuple[list[int], list[tuple[float, float]]]:
        """Tokens of a piece and where each may look; also marks the frames in which each token is spoken.

        A word's time is shared evenly among its tokens, final punctuation apart, which has none of its own.
        """
        ids: list[int] = []
        spans: list[tuple[float, float]] = []
        for word, start, end in zip(piece.words, piece.starts, piece.ends, strict=True):
            begin, length = (position + start) / FRAME, (end - start) / FRAME
            word_ids = self._ids(word)
            sounding = len(word_ids) - (len(word_ids) > 1 and word[-1] in ",.?")
            for index, token in enumerate(word_ids[:sounding]):
                low, high = (begin + length * share / sounding for share in (index, index + 1))
                frame_tokens[round(low) : round(high)] = token
                spans.append((low - _MARGIN_FRAMES, high + _MARGIN_FRAMES))
            spans += [_after(begin + length, len(frame_tokens))] * (len(word_ids) - sounding)
            ids += word_ids
        return ids, spans


def _after(end: float, frames: int) -> tuple[float, float]:
    """The frames after a word that ends at `end`; the last frames of the window where there are none."""
    return min(end, frames - 2.0) - 1, end + _AFTER_FRAMES


def _last_span(window: Window, frames: int) -> tuple[float, float]:
    """Where the end of text attends: after the last word, if there is one."""
    if not window.spoken:
        return _NOWHERE
    position, piece = window.spoken[-1]
    return _after((position + piece.ends[-1]) / FRAME, frames)


def _mark_phones(frame_phones: NDArray[np.int64], position: int, piece: Piece) -> None:
    """Writes the phone that sounds at the middle of each frame of the piece."""
    first, last = position // FRAME, min(len(frame_phones), (position + len(piece.samples)) // FRAME)
    middles = np.arange(first, last) * FRAME + FRAME // 2 - position
    index = np.searchsorted(piece.phone_starts, middles, side="right") - 1
    if len(piece.phones):
        frame_phones[first:last] = np.where(index >= 0, piece.phones[np.maximum(index, 0)], 0)
