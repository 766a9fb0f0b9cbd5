"""Decodes windows as the server does: CTranslate2 int8 on one thread, without padding, with a prompt."""

from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel

from models.training.augment import Samples

_PADDED_FRAMES = 3000
_LONGEST_TOKENS = 200


@dataclass(frozen=True)
class TimedWord:
    """A recognised word; times in seconds from the beginning of the window."""

    text: str
    start_s: float
    end_s: float


class Recognizer:
    """A model directory, ready to decode."""

    def __init__(self, directory: Path) -> None:
        self.whisper = WhisperModel(str(directory), device="cpu", compute_type="int8", cpu_threads=1)
        tokenizer = self.whisper.hf_tokenizer
        self._tokenizer = tokenizer
        self._start, self._end = (
            tokenizer.token_to_id(f"<|{name}|>") for name in ("startoftranscript", "endoftext")
        )
        self._previous = tokenizer.token_to_id("<|startofprev|>")
        self._no_timestamps = tokenizer.token_to_id("<|notimestamps|>")

    def encode(self, samples: Samples, padded: bool = False) -> ctranslate2.StorageView:
        """Encoder states of a window; features are computed on its own samples and padded with zeros."""
        features = self.whisper.feature_extractor(samples, padding=0)[:, :_PADDED_FRAMES]
        mels, frames = features.shape
        wanted = _PADDED_FRAMES if padded else frames + frames % 2
        # CTranslate2 takes states of as many positions as there are mels for features and encodes them again.
        wanted += 2 * (wanted == 2 * mels)
        features = np.pad(features, ((0, 0), (0, wanted - frames)))
        return self.whisper.encode(np.ascontiguousarray(features, np.float32))

    def decode(self, states: ctranslate2.StorageView, prompt: str = "", beam: int = 1) -> list[int]:
        """Text tokens of the encoded window."""
        before = [self._previous, *self._tokenizer.encode(" " + prompt).ids] if prompt else []
        result = self.whisper.model.generate(
            states,
            [[*before, self._start, self._no_timestamps]],
            beam_size=beam,
            max_length=len(before) + _LONGEST_TOKENS,
            suppress_blank=True,
        )[0]
        return [token for token in result.sequences_ids[0] if token < self._end]

    def text(self, samples: Samples, padded: bool = False, prompt: str = "", beam: int = 1) -> str:
        """What is said in the window."""
        return self.written(self.decode(self.encode(samples, padded), prompt, beam))

    def written(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens)).strip()

    def words(self, samples: Samples) -> list[TimedWord]:
        """The words of the window and when each is said, by alignment of the decoded text."""
        states = self.encode(samples)
        tokens = self.decode(states)
        if not tokens:
            return []
        frames = -(-len(samples) // 160)
        aligned = self.whisper.model.align(
            states, [self._start, self._no_timestamps], [tokens], frames, median_filter_width=7
        )[0]
        text_indices, time_indices = np.array(aligned.alignments).T
        jumps = np.pad(np.diff(text_indices), (1, 0), constant_values=1).astype(bool)
        times = time_indices[jumps] * 0.02
        return self._grouped(tokens, times)

    def _grouped(self, tokens: list[int], times: "np.typing.NDArray[np.float64]") -> list[TimedWord]:
        """Joins the tokens of each word; token i lasts from times[i] to times[i + 1]."""
        words: list[TimedWord] = []
        for index, token in enumerate(tokens):
            piece = self._tokenizer.decode([token])
            start, end = float(times[index]), float(times[min(index + 1, len(times) - 1)])
            if piece.startswith(" ") or not words:
                words.append(TimedWord(piece.strip(), start, end))
            elif any(character.isalnum() for character in piece):
                words[-1] = TimedWord(words[-1].text + piece, words[-1].start_s, end)
            else:
                words[-1] = TimedWord(words[-1].text + piece, words[-1].start_s, words[-1].end_s)
        return words
