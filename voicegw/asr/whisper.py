"""Windows to words: the only importer of faster-whisper and CTranslate2.

One path serves every Whisper model: features, encoder, decoder, word alignment. A model whose directory
says so (`short_context` in `voicegw.json`) was trained on windows of any length and sees the audio there
is; a stock model sees it padded to the 30 s it was trained on.

Text that is not speech is rejected here, by the model's own no-speech probability, by the mean token
log-probability, and by how well the text compresses (Radford et al. 2022, section 4.5), so that it becomes
neither a transcript nor a prompt.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind, Word
from voicegw.core.options import option
from voicegw.errors import ModelUnavailable

BUNDLED = "bundled"
_BUNDLED_PLACES = ("bundled_model", "../models/bundled")  # in a wheel, in a checkout

_FRAMES_PER_SECOND = 100
_PADDED_FRAMES = 3000
_TOKENS_PER_SECOND = 8  # of the fastest speech, with room to spare: stops a decoder that loops
_MAX_POSITIONS = 448
_OPENING_PUNCTUATION = "\"'“¿([{-"
_CLOSING_PUNCTUATION = "\"'.。,，!！?？:：”)]}、"


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """Which speech model, on what, decoded how."""

    model: str = option("base.en", "Whisper model: a name, a CTranslate2 directory, or `bundled`")
    device: str = option("cpu", "cpu, cuda or auto")
    compute_type: str = option("int8", "CTranslate2 number format, such as int8, float16 or default")
    threads: int = option(1, "threads of one decode", ge=1, le=64)
    language: str = option("", "ISO 639-1 code of what is spoken, for multilingual models; empty is en")
    beam_size: int = option(5, "beam of final decodes; partials are greedy", ge=1, le=20)
    no_speech: float = option(0.6, "no-speech probability from which text is rejected", ge=0, le=1)
    min_logprob: float = option(-1.5, "mean token log-probability below which text is rejected", ge=-9, le=0)
    max_compression: float = option(2.4, "compression ratio above which text is rejected", ge=1, le=9)


class ModelFlags(msgspec.Struct, frozen=True):
    """What `voicegw.json` in a model's directory says about it; the defaults are true of stock models.

    short_context: trained on windows of any length. partial_silence_ms: the silence the model wants behind
    a window that was cut while someone spoke, so that it does not complete the sentence by itself.
    """

    name: str = ""
    short_context: bool = False
    partial_silence_ms: int = 0
    language: str = "en"


def locate(model: str) -> Path:
    """The model's directory, downloading a stock model by name. Raises ModelUnavailable in one line."""
    package = Path(__file__).resolve().parent.parent
    places = [package / name for name in _BUNDLED_PLACES] if model == BUNDLED else [Path(model).expanduser()]
    found = next((place.resolve() for place in places if place.is_dir()), None)
    return found or _download(model)


def _download(model: str) -> Path:
    from faster_whisper import download_model

    try:
        return Path(download_model(model))
    except Exception as error:  # the hub raises whatever its HTTP stack does
        reason = f"{type(error).__name__}: {error}".partition("\n")[0][:160]
        raise ModelUnavailable(
            f"cannot get the speech model {model!r} ({reason}); give --model a CTranslate2 directory, "
            f"or use the small built-in one with --model {BUNDLED}"
        ) from error


def read_flags(directory: Path) -> ModelFlags:
    """The flags of the model in `directory`. Raises ModelUnavailable when they cannot be read."""
    path = directory / "voicegw.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=ModelFlags) if path.exists() else ModelFlags()
    except (msgspec.MsgspecError, OSError) as error:
        raise ModelUnavailable(f"cannot read {path}: {error}") from error


class WhisperEngine:
    """One loaded model. Not thread-safe: one engine belongs to one worker."""

    def __init__(self, directory: Path, options: WhisperOptions) -> None:
        """Loads the weights; raises ModelUnavailable when the directory does not hold a usable model."""
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        self.flags = read_flags(directory)
        self._options = options
        try:
            self._model = WhisperModel(
                str(directory), options.device, compute_type=options.compute_type, cpu_threads=options.threads
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelUnavailable(f"cannot load the speech model in {directory}: {error}") from error
        multilingual = self._model.model.is_multilingual
        language = options.language or self.flags.language
        self._tokenizer = Tokenizer(
            self._model.hf_tokenizer, multilingual, task="transcribe", language=language
        )
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])

    def warm(self) -> None:
        """Decodes noise of several lengths, so that the first speaker does not pay for the first use of
        each kernel."""
        noise = np.random.default_rng(0).normal(0, 300, 8 * SAMPLE_RATE).astype(np.int16)
        for seconds in (1, 2, 4, 8):
            for kind in DecodeKind:
                self.decode(DecodeJob("", 0, kind, 0, noise[: seconds * SAMPLE_RATE].tobytes(), "Warm."))

    def decode(self, job: DecodeJob) -> tuple[Word, ...]:
        """The words of one window; none when there is no speech in it."""
        features, prompt = self._features(job), self._prompt(job)
        encoded = self._model.encode(features)
        longest = int(_TOKENS_PER_SECOND * (len(job.pcm) / 2 / SAMPLE_RATE + 1))
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=self._options.beam_size if job.kind is DecodeKind.FINAL else 1,
            # CTranslate2 writes no more than half of this, and no more than the prompt leaves of it
            max_length=min(_MAX_POSITIONS, longest + max(longest, len(prompt))),
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._tokenizer.eot]
        if not tokens or self._rejected(tokens, result.scores[0], result.no_speech_prob):
            return ()
        return self._align(tokens, encoded, features.shape[-1], job)

    def _features(self, job: DecodeJob) -> NDArray[np.float32]:
        """The log-mel spectrogram, (mels, frames), of an even number of frames."""
        audio = np.frombuffer(job.pcm, dtype="<i2").astype(np.float32) / 32768
        audio = np.pad(audio, (0, to_samples(self.flags.partial_silence_ms)))
        features: NDArray[np.float32] = self._model.feature_extractor(audio, padding=0)
        if self.flags.short_context:
            return features[:, : features.shape[1] // 2 * 2]
        padding = max(0, _PADDED_FRAMES - features.shape[1])
        return np.pad(features, ((0, 0), (0, padding)))[:, :_PADDED_FRAMES]

    def _prompt(self, job: DecodeJob) -> list[int]:
        tokenizer = self._tokenizer
        before = tokenizer.encode(" " + job.prompt.strip())[-_MAX_POSITIONS // 2 + 1 :] if job.prompt else []
        context = [tokenizer.sot_prev, *before] if before else []
        return [*context, *tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _rejected(self, tokens: list[int], logprob: float, no_speech: float) -> bool:
        text = self._tokenizer.decode(tokens).encode()
        compression = len(text) / len(zlib.compress(text))
        options = self._options
        return (
            no_speech > options.no_speech
            or logprob < options.min_logprob
            or compression > options.max_compression
        )

    def _align(self, tokens: list[int], encoded: Any, frames: int, job: DecodeJob) -> tuple[Word, ...]:
        """Words with times from the alignment heads' cross-attention, punctuation joined to its word."""
        from faster_whisper.transcribe import merge_punctuations

        used = min(frames, len(job.pcm) // 2 * _FRAMES_PER_SECOND // SAMPLE_RATE + 1)
        timings: list[dict[str, Any]] = self._model.find_alignment(self._tokenizer, [tokens], encoded, used)[
            0
        ]
        merge_punctuations(timings, _OPENING_PUNCTUATION, _CLOSING_PUNCTUATION)
        return tuple(_word(timing, job.start) for timing in timings if timing["word"].strip())


def _word(timing: dict[str, Any], offset: int) -> Word:
    start, end = (offset + round(float(timing[key]) * SAMPLE_RATE) for key in ("start", "end"))
    return Word(timing["word"].strip(), start, end, float(timing["probability"]))
