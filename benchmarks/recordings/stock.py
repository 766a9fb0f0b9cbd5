"""A Whisper model in stock faster-whisper: without voice activity detection, windows padded to 30 s.

Streams are compared with it, and it aligns texts with recordings.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.recordings.cache import cached, digest_of
from clients.audio import read_pcm
from clients.samples import SpokenWord
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.audio import SAMPLE_RATE

WINDOW_S = 30
BEAM_SIZE = 5
FRAMES_PER_SECOND = 100
MOST_TOKENS = 220  # of a text in a window: the decoder has 448 positions, and speech fills half of them

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A part of a word, or punctuation, with its times, in seconds from the audio's start."""

    text: str
    begin_s: float
    end_s: float


class StockModel:
    """A model directory; the weights are loaded when a result is not in the cache."""

    def __init__(self, directory: Path, options: WhisperOptions) -> None:
        self._directory = directory
        self._options = options

    @property
    def identity(self) -> str:
        """What the model's answers depend on beside the audio."""
        return f"{digest_of(self._directory / 'model.bin')} {self._options.compute_type}"

    @cached_property
    def _model(self) -> Any:
        from faster_whisper import WhisperModel

        options = self._options
        threads = options.threads or len(os.sched_getaffinity(0))
        return WhisperModel(
            str(self._directory), options.device, compute_type=options.compute_type, cpu_threads=threads
        )

    def text_of(self, path: Path, language: str) -> str:
        """The text of a file."""
        depends_on = (digest_of(path), language, self.identity)
        return cached("transcripts", depends_on, str, lambda: self._text(read_audio(path), language))

    def _text(self, audio: Audio, language: str) -> str:
        segments = self._transcribed(audio, language, word_timestamps=False)
        return " ".join(segment.text.strip() for segment in segments)

    def _transcribed(self, audio: Audio, language: str, *, word_timestamps: bool) -> Iterable[Any]:
        segments, _ = self._model.transcribe(
            audio,
            language=language,
            beam_size=BEAM_SIZE,
            condition_on_previous_text=False,
            vad_filter=False,
            word_timestamps=word_timestamps,
        )
        return segments  # type: ignore[no-any-return]

    def words_of(self, audio: Audio, language: str) -> list[SpokenWord]:
        """The recognised words with their times."""
        segments = self._transcribed(audio, language, word_timestamps=True)
        return [
            SpokenWord(word.word.strip(), round(1000 * word.start), round(1000 * word.end))
            for segment in segments
            for word in segment.words
        ]

    def align(self, audio: Audio, text: str, language: str) -> list[Piece]:
        """The times of the parts of a text in a window of up to 30 s, by the cross-attention of the decoder
        with forced text; none when the text is too long for a window."""
        from faster_whisper.tokenizer import Tokenizer

        tokenizer = Tokenizer(
            self._model.hf_tokenizer, self._model.model.is_multilingual, task="transcribe", language=language
        )
        tokens = tokenizer.encode(" " + text)
        if len(tokens) > MOST_TOKENS:
            return []
        padded = np.pad(audio, (0, WINDOW_S * SAMPLE_RATE - len(audio)))
        features = self._model.feature_extractor(padded, padding=0)[:, : WINDOW_S * FRAMES_PER_SECOND]
        frames = -(-len(audio) * FRAMES_PER_SECOND // SAMPLE_RATE)
        [pieces] = self._model.find_alignment(tokenizer, [tokens], self._model.encode(features), frames)
        return [Piece(one["word"].strip(), float(one["start"]), float(one["end"])) for one in pieces]


def read_audio(path: Path) -> Audio:
    """A file at 16 kHz, full scale 1."""
    pcm = read_pcm(path, SAMPLE_RATE)
    return np.asarray(np.frombuffer(pcm, dtype="<i2") / 32768, np.float32)
