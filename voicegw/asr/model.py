"""A Whisper model as faster-whisper and CTranslate2 run it: spectrogram, encoder, decoder, word alignment.

whisper.py decides what is decoded and which results are used. A model whose directory says so
(`short_context` in `voicegw.json`) was trained on windows of any length and gets the audio without padding. A
stock model was trained on windows of 30 s, most of which would be silence here. It gets the audio and a
margin of silence, and may write timestamp tokens: without them a stock model loops in a short window; with
them its text is as accurate as with 30 s, for a fraction of the encoder's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicegw.asr.key_terms import prompt_tokens
from voicegw.asr.transcript import SpecialTokens
from voicegw.asr.weights import read_flags
from voicegw.asr.words import Piece
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.errors import ModelUnavailable

PADDED_FRAMES = 3000
_FRAMES_PER_SECOND = 100
_STEP_FRAMES = 100  # of which a stock model's windows are multiples
_MAX_POSITIONS = 448
_RELATED = {"yue": "zh"}  # the language to decode in where a model does not know the first one

Spectrogram = NDArray[np.float32]  # log-mel, (mels, frames)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where and how a model runs; see WhisperOptions. language: spoken where a job names none. at_once:
    threads of Python that may use the model at the same time."""

    device: str
    compute_type: str
    threads: int
    language: str
    at_once: int = 1


class Room(NamedTuple):
    """The padding of a stock model's window: at least `margin` frames of silence after the audio, and at
    least `least` frames in total."""

    margin: int
    least: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the decoder reads before it writes: the language, key terms, and what was said before."""

    language: str
    key_terms: tuple[str, ...] = ()
    before: str = ""


class WhisperModel:
    """The loaded weights. flags: the properties stated in the model's directory."""

    def __init__(self, directory: Path, runtime: Runtime) -> None:
        """Raises ModelUnavailable when the directory does not hold a usable model."""
        import faster_whisper
        from faster_whisper.transcribe import get_suppressed_tokens

        self.flags = read_flags(directory)
        self._default_language = runtime.language
        self._tokenizers: dict[str, Any] = {}
        try:
            self._model = faster_whisper.WhisperModel(
                str(directory),
                runtime.device,
                compute_type=runtime.compute_type,
                cpu_threads=max(1, runtime.threads),
                num_workers=runtime.at_once,
            )
            tokenizer = self._tokenizer("")
            self._suppressed: list[int] = get_suppressed_tokens(tokenizer, [-1])
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelUnavailable(f"cannot load the speech model in {directory}: {error}") from error
        self.special = SpecialTokens(tokenizer.eot, tokenizer.timestamp_begin)

    def spectrogram(self, pcm: bytes) -> Spectrogram:
        """Of s16le at 16 kHz, without padding."""
        audio = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768
        audio = np.pad(audio, (0, to_samples(self.flags.partial_silence_ms)))
        return self._model.feature_extractor(audio, padding=0)  # type: ignore[no-any-return]

    def frames(self, spectrograms: Sequence[Spectrogram], room: Room) -> int:
        """How many frames the encoder is given of each of these windows."""
        longest: int = max(each.shape[1] for each in spectrograms)
        if not self.flags.short_context:
            steps = -(-max(room.least, longest + room.margin) // _STEP_FRAMES)
            return min(PADDED_FRAMES, steps * _STEP_FRAMES)
        return _fit_to_encode(longest // 2 * 2, mels=spectrograms[0].shape[0])

    def encode(self, spectrograms: Sequence[Spectrogram], frames: int) -> tuple[list[Any], Any]:
        """The encoder's output for each window, and all of it for one decode.

        A CPU encodes no faster in batches, so windows are encoded one by one and stacked for the decoder,
        where a batch does pay.
        """
        padded = [_padded(each, frames) for each in spectrograms]
        alone = [self._model.encode(each) for each in padded]
        if len(alone) == 1:
            return alone, alone[0]
        if self._model.model.device == "cpu":
            return alone, _stack(alone)
        return alone, self._model.encode(np.stack(padded))

    def spoken_language(self, encoded: Any, wanted: str) -> str:
        """The language to decode in: the one wanted, or the most probable one where it is to be found out."""
        language = wanted or self._default_language
        if language != AUTO_LANGUAGE or not self._model.model.is_multilingual:
            return wanted
        [probabilities] = self._model.model.detect_language(encoded)
        token, _ = probabilities[0]  # such as <|en|>
        return str(token).strip("<|>")

    def code_of(self, language: str) -> str:
        """The language that is in fact decoded in, as an ISO 639-1 code."""
        return str(self._tokenizer(language).language_code)

    def generate(
        self, encoded: Any, prompts: Sequence[Prompt], beam: int, longest: int, *, forbid_end: bool = False
    ) -> list[Any]:
        """What the decoder writes about each window: `longest` tokens at most (see token_limit.py); with
        `forbid_end`, exactly as many."""
        written = [self._prompt_tokens(prompt) for prompt in prompts]
        return self._model.model.generate(  # type: ignore[no-any-return]
            encoded,
            written,
            beam_size=beam,
            # CTranslate2 writes half of this at most, and no more than the prompt leaves of it
            max_length=min(_MAX_POSITIONS, longest + max(longest, len(written[0]))),
            suppress_tokens=[*self._suppressed, *([self.special.end_of_text] if forbid_end else [])],
            return_scores=True,
            return_no_speech_prob=True,
        )

    def _prompt_tokens(self, prompt: Prompt) -> list[int]:
        tokenizer = self._tokenizer(prompt.language)

        def encode(text: str) -> list[int]:
            return [token for token in tokenizer.encode(text) if token < tokenizer.eot]  # text is no command

        before = prompt_tokens(prompt.key_terms, prompt.before, encode)
        context = [tokenizer.sot_prev, *before] if before else []
        timing = [tokenizer.no_timestamps] if self.flags.short_context else []
        return [*context, *tokenizer.sot_sequence, *timing]

    def text(self, tokens: Sequence[int], language: str) -> str:
        """Tokens as text."""
        return str(self._tokenizer(language).decode(tokens))

    def align(self, encoded: Any, tokens: Sequence[int], language: str, audio_s: float) -> list[Piece]:
        """The pieces of the text and their times in samples from the window's start, from the alignment
        heads' cross-attention."""
        used = int(audio_s * _FRAMES_PER_SECOND) + 1
        tokenizer = self._tokenizer(language)
        timings: list[dict[str, Any]] = self._model.find_alignment(tokenizer, [tokens], encoded, used)[0]
        return [_piece(timing) for timing in timings]

    def _tokenizer(self, language: str) -> Any:
        """The tokenizer for a language; the default's for one that the model does not know."""
        from faster_whisper.tokenizer import Tokenizer

        wanted = language, _RELATED.get(language, ""), self._default_language
        language = next((one for one in wanted if self._knows(one)), self.flags.language)
        if language not in self._tokenizers:
            multilingual = self._model.model.is_multilingual
            self._tokenizers[language] = Tokenizer(
                self._model.hf_tokenizer, multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _knows(self, language: str) -> bool:
        """Whether its vocabulary has the language; older models have fewer than the library lists."""
        if not self._model.model.is_multilingual:
            return language in self._model.supported_languages
        return self._model.hf_tokenizer.token_to_id(f"<|{language}|>") is not None


def _piece(timing: dict[str, Any]) -> Piece:
    start, end = (round(float(timing[key]) * SAMPLE_RATE) for key in ("start", "end"))
    return Piece(timing["word"], start, end, float(timing["probability"]))


def _fit_to_encode(frames: int, mels: int) -> int:
    """A number of frames that CTranslate2 can take: where the encoder's output has as many positions as the
    input has mels, it is taken for a spectrogram and encoded once more, and decodes to nonsense."""
    return frames + 2 if frames == 2 * mels else frames


def _padded(features: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """The spectrogram with silence behind it, or cut, to a number of frames. Silence is the lowest value in
    it: the floor that Whisper's spectrogram has 80 dB below its peak."""
    silence = features.min() if features.size else 0.0
    behind = max(0, frames - features.shape[1])
    return np.pad(features, ((0, 0), (0, behind)), constant_values=silence)[:, :frames]


def _stack(encoded: Sequence[Any]) -> Any:
    """Encoder outputs of one window each as one of several windows."""
    from ctranslate2 import StorageView

    return StorageView.from_array(np.concatenate([np.asarray(each) for each in encoded]))
