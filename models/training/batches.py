"""Groups examples of like length into batches of a few fixed shapes.

The CPU kernels are compiled per shape, so few shapes train faster; batches hold about equal audio.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from models.training import tokens
from models.training.augment import warped
from models.training.corpus import Corpus
from models.training.examples import IGNORE, Example, ExampleMaker
from models.training.windows import Window, WindowMaker

LENGTHS = (100, 140, 180, 220, 260, 300, 360, 420, 500, 600, 720, 860, 1000, 1200, 1500, 2000, 2500, 3000)
_TOKEN_STEP = 16  # token lengths are multiples of this
_TIMESTAMP_SHARE = 0.2
_PADDED_EVERY = 48  # one batch in so many is padded to 30 s, as stock Whisper code pads
_LONG_EVERY = 10  # one in so many is of windows of 8 to 30 s, full of utterances
_WARP = (0.84, 1.18)  # of the frequencies: longer and shorter vocal tracts
_RESPONSE = 0.15  # of the features' scale, on which 0.25 are 10 dB
_EASY_SHARE = 0.1  # of the windows after the easy beginning


@dataclass
class Batch:
    """Tensors of one step; all but `mel` hold token or frame targets."""

    mel: Tensor
    inputs: Tensor
    labels: Tensor
    spans: Tensor
    frame_phones: Tensor
    frame_tokens: Tensor

    @property
    def audio_s(self) -> float:
        """Seconds of sound, padding included."""
        return float(self.mel.shape[0] * self.mel.shape[2] / 100)


def collate(examples: list[Example], length: int) -> Batch:
    """Pads features with zeros to `length` frames, as faster-whisper pads."""
    count = len(examples)
    width = -(-max(len(example.inputs) for example in examples) // _TOKEN_STEP) * _TOKEN_STEP
    mel = np.zeros((count, 80, length), np.float32)
    inputs = np.full((count, width), tokens.END)
    labels = np.full((count, width), IGNORE)
    spans = np.full((count, width, 2), -1.0, np.float32)
    frame_phones, frame_tokens = (
        np.zeros((count, length // 2), np.int64),
        np.full((count, length // 2), IGNORE),
    )
    for row, example in enumerate(examples):
        mel[row, :, : example.mel.shape[1]] = example.mel
        inputs[row, : len(example.inputs)] = example.inputs
        labels[row, : len(example.labels)] = example.labels
        spans[row, : len(example.spans)] = example.spans
        frame_phones[row, : len(example.frame_phones)] = example.frame_phones
        frame_tokens[row, : len(example.frame_tokens)] = example.frame_tokens
    return Batch(*map(torch.from_numpy, (mel, inputs, labels, spans, frame_phones, frame_tokens)))


class Batches(IterableDataset[Batch]):
    """An endless stream of batches of about `audio_s` seconds, counted from `step`.

    The first `easy` ones are clean and simple; long and padded windows come after `short`.
    """

    def __init__(
        self, corpus: Corpus, tokenizer: Path, seed: str, audio_s: float, step: int, easy: int, short: int
    ) -> None:
        self._corpus, self._tokenizer, self._seed, self._audio_s = corpus, tokenizer, seed, audio_s
        self._step, self._easy, self._short = step, easy, short

    def __iter__(self) -> Iterator[Batch]:
        torch.set_num_threads(1)
        self._windows = WindowMaker(self._corpus, self._seed)
        self._rng = self._windows.rng
        self._examples = ExampleMaker(Tokenizer.from_file(str(self._tokenizer)))
        self._waiting: dict[int, list[Example]] = {}
        for step in itertools.count(self._step):
            yield self._batch(step)

    def _batch(self, step: int) -> Batch:
        """Encodes windows until one of the lengths has enough of them."""
        if step >= self._short and step % _PADDED_EVERY == 0:
            return collate([self._encode(self._windows.draw(), 3000)], 3000)
        while True:
            window = self._window(step)
            length = self._length(window)
            group = self._waiting.setdefault(length, [])
            group.append(self._encode(window, length))
            if len(group) >= max(1, self._audio_s * 100 // length):
                return collate(self._waiting.pop(length), length)

    def _window(self, step: int) -> Window:
        if step < self._easy or self._rng.random() < _EASY_SHARE:
            return self._windows.easy()
        if step >= self._short and step % _LONG_EVERY == 1:
            return self._windows.draw(at_least_s=self._rng.uniform(8, 29))
        return self._windows.draw()

    def _length(self, window: Window) -> int:
        """The bucket; now and then a larger one, so that any amount of padding is known."""
        frames = -(-len(window.samples) // 160)
        fitting = [length for length in LENGTHS if length >= frames]
        return fitting[min(len(fitting) - 1, self._rng.choice([0] * 27 + [1, 2, 3]))]

    def _encode(self, window: Window, length: int) -> Example:
        """Half of the windows end in sound up to the batch's length, the others in zero features."""
        missing = length * 160 - len(window.samples)
        if missing > 0 and self._rng.random() < 0.5 and missing < 16000:
            window.samples = np.pad(window.samples, (0, missing))
        return self._masked(self._examples.encode(window, self._rng.random() < _TIMESTAMP_SHARE))

    def _masked(self, example: Example) -> Example:
        """Another length of the vocal tract and a smooth random frequency response, which make voices differ;
        and light SpecAugment: one band of frequencies and one stretch of time replaced by the mean.
        """
        mel, rng = example.mel, self._rng
        if rng.random() < 0.5:
            mel = warped(mel, rng.uniform(*_WARP))
        if rng.random() < 0.5:
            knots = [rng.uniform(-_RESPONSE, _RESPONSE) for _ in range(6)]
            mel += np.interp(np.arange(80), np.linspace(0, 79, 6), knots).astype(np.float32)[:, None]
        if rng.random() < 0.4:
            start = rng.randrange(68)
            mel[start : start + rng.randint(1, 12)] = mel.mean()
        if rng.random() < 0.3 and mel.shape[1] > 100:
            start = rng.randrange(mel.shape[1] - 20)
            mel[:, start : start + rng.randint(1, 18)] = mel.mean()
        return replace(example, mel=mel)


def loader(batches: Batches) -> Iterator[Batch]:
    """Prepares batches in one process beside training."""
    return iter(DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=8))
