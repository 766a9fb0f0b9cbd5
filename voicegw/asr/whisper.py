"""Windows to words, with faster-whisper on CTranslate2.

One path serves every Whisper model: features, encoder, decoder, word alignment. A model whose directory
says so (`short_context` in `voicegw.json`) was trained on windows of any length and sees the audio there
is; a stock model sees it padded to the 30 s it was trained on.

On request (`short_context` in the options) a stock model, too, sees little more than the audio there is: a
margin of silence, in a few lengths, for a fraction of the encoder's work. Stock weights may loop or drop
words on such windows, so what comes out is judged: text that compresses too well, fills its token limit or
is improbable is decoded again, padded.

Text that is not speech is rejected here, by the model's own no-speech probability, by the mean token
log-probability, and by how well the text compresses (Radford et al. 2022, section 4.5), so that it becomes
neither a transcript nor a prompt. Where the model is in doubt, a second voice activity detector decides:
music passes a light detector and makes a recogniser talk, but it does not pass Silero.
"""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from voicegw.asr.vad import holds_speech
from voicegw.asr.weights import read_flags
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.jobs import DecodeJob, DecodeKind, Word
from voicegw.core.options import option
from voicegw.dialects.parameters import is_language
from voicegw.errors import ConfigurationError, ModelUnavailable

_FRAMES_PER_SECOND = 100
_PADDED_FRAMES = 3000
_MARGIN_FRAMES = 256  # of silence behind a stock model's short window: 128 encoder positions
_BUCKETS_FRAMES = (500, 700, 900, 1200, 1600, 2200, 3000)  # few lengths, so that windows share batches
_CALIBRATION_S = 4
_CALIBRATION_TOKENS = 12
_WORTHWHILE = 0.95  # of the cost for each window so far: less of a gain is not worth the waiting
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
    threads: int = option(0, "threads of one decode; 0 for what a calibration at start finds", ge=0, le=64)
    max_batch: int = option(8, "most windows decoded together; fewer where a batch does not pay", ge=1, le=64)
    language: str = option("", "ISO 639-1 code of what is spoken, for multilingual models; empty is en")
    beam_size: int = option(5, "beam of final decodes; partials are greedy", ge=1, le=20)
    short_context: bool = option(
        False, "let a stock model see little more than the audio there is: several times cheaper, less safe"
    )
    no_speech: float = option(0.6, "no-speech probability from which text is rejected", ge=0, le=1)
    min_logprob: float = option(-1.0, "mean token log-probability below which text is rejected", ge=-9, le=0)
    doubtful_logprob: float = option(
        -0.5, "mean token log-probability below which a second detector has to hear speech", ge=-9, le=0
    )
    max_compression: float = option(2.4, "compression ratio above which text is rejected", ge=1, le=9)

    def __post_init__(self) -> None:
        if not is_language(self.language):
            raise ConfigurationError(f"asr.language: {self.language!r} is not an ISO 639 code, such as en")


class DecodeCost(msgspec.Struct, frozen=True):
    """What a decode costs on this machine, measured at the start.

    single_ms: one window of 4 s with 12 tokens. batch: how many windows together cost least each.
    """

    single_ms: float
    batch: int


class WhisperEngine:
    """One loaded model. Not thread-safe: one engine belongs to one worker."""

    def __init__(self, directory: Path, options: WhisperOptions) -> None:
        """Loads the weights; raises ModelUnavailable when the directory does not hold a usable model."""
        from faster_whisper import WhisperModel
        from faster_whisper.transcribe import get_suppressed_tokens

        self.flags = read_flags(directory)
        self._options = options
        threads = max(1, options.threads)
        self._tokenizers: dict[str, Any] = {}
        try:
            self._model = WhisperModel(
                str(directory), options.device, compute_type=options.compute_type, cpu_threads=threads
            )
            self._suppressed = get_suppressed_tokens(self._tokenizer(""), [-1])
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelUnavailable(f"cannot load the speech model in {directory}: {error}") from error
        self._eot: int = self._tokenizer("").eot

    def warm(self) -> DecodeCost:
        """Decodes noise of several lengths, so that the first speaker does not pay for the first use of
        each kernel, and measures what a decode costs."""
        for seconds in (1, 2, 4, 8):
            for kind in DecodeKind:
                self.decode([_noise(seconds, kind)])
        holds_speech(_noise(1, DecodeKind.FINAL).pcm)
        each_ms = single_ms = self._cost_of(1)
        batch, size = 1, 2
        while size <= self._options.max_batch:
            cost_ms = self._cost_of(size) / size
            if cost_ms > _WORTHWHILE * each_ms:
                break
            each_ms, batch, size = cost_ms, size, 2 * size
        return DecodeCost(single_ms, batch)

    def _cost_of(self, size: int) -> float:
        """ms for a batch of calibration windows, the better of two; the end of text is forbidden, because
        noise would end it at once."""
        jobs, best_ms = [_noise(_CALIBRATION_S, DecodeKind.PARTIAL)] * size, float("inf")
        for _ in range(2):
            begun = time.perf_counter()
            _, _, together = self._encode(jobs)
            self._generate(together, jobs, _CALIBRATION_TOKENS, [*self._suppressed, self._eot])
            best_ms = min(best_ms, (time.perf_counter() - begun) * 1000)
        return best_ms

    def decode(self, jobs: Sequence[DecodeJob]) -> list[tuple[Word, ...]]:
        """The words of each window, none where there is no speech in it. Several jobs are of one kind, in
        one language, without prompts; see asr/batcher.py."""
        frames, alone, together = self._encode(jobs)
        limit = _token_limit(jobs)
        results = self._generate(together, jobs, limit, self._suppressed)
        risky = frames < _PADDED_FRAMES and not self.flags.short_context
        return [
            self._words_padded(job)
            if risky and self._suspicious(job, result, limit)
            else self._words(job, result, encoded, frames)
            for job, result, encoded in zip(jobs, results, alone, strict=True)
        ]

    def _words_padded(self, job: DecodeJob) -> tuple[Word, ...]:
        """The words of a window, decoded again as the model was trained."""
        encoded = self._model.encode(_padded(self._spectrogram(job), _PADDED_FRAMES))
        [result] = self._generate(encoded, [job], _token_limit([job]), self._suppressed)
        return self._words(job, result, encoded, _PADDED_FRAMES)

    def _encode(self, jobs: Sequence[DecodeJob]) -> tuple[int, list[Any], Any]:
        """The common number of frames, the encoder's output for each window, and all of it for one decode.

        A CPU encodes no faster in batches, so windows are encoded one by one and stacked for the decoder,
        where a batch does pay.
        """
        features = [self._features(job) for job in jobs]
        frames = _fit_to_encode(max(each.shape[1] for each in features), mels=features[0].shape[0])
        padded = [_padded(each, frames) for each in features]
        alone = [self._model.encode(each) for each in padded]
        if len(alone) == 1:
            return frames, alone, alone[0]
        if self._model.model.device == "cpu":
            return frames, alone, _stack(alone)
        return frames, alone, self._model.encode(np.stack(padded))

    def _generate(
        self, encoded: Any, jobs: Sequence[DecodeJob], longest: int, suppressed: list[int]
    ) -> list[Any]:
        prompts = [self._prompt(job) for job in jobs]
        return self._model.model.generate(  # type: ignore[no-any-return]
            encoded,
            prompts,
            beam_size=self._options.beam_size if jobs[0].kind is DecodeKind.FINAL else 1,
            # CTranslate2 writes no more than half of this, and no more than the prompt leaves of it
            max_length=min(_MAX_POSITIONS, longest + max(longest, len(prompts[0]))),
            suppress_tokens=suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )

    def _features(self, job: DecodeJob) -> NDArray[np.float32]:
        """The log-mel spectrogram, (mels, frames), as long as this model is given it."""
        features = self._spectrogram(job)
        if self.flags.short_context:
            return features[:, : features.shape[1] // 2 * 2]
        if not self._options.short_context:
            return _padded(features, _PADDED_FRAMES)
        wanted = features.shape[1] + _MARGIN_FRAMES
        return _padded(features, next((each for each in _BUCKETS_FRAMES if each >= wanted), _PADDED_FRAMES))

    def _spectrogram(self, job: DecodeJob) -> NDArray[np.float32]:
        audio = np.frombuffer(job.pcm, dtype="<i2").astype(np.float32) / 32768
        audio = np.pad(audio, (0, to_samples(self.flags.partial_silence_ms)))
        features: NDArray[np.float32] = self._model.feature_extractor(audio, padding=0)
        return features

    def _tokenizer(self, language: str) -> Any:
        """The tokenizer for a language; the default's for one that the model does not know."""
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._model.supported_languages:
            language = self._options.language or self.flags.language
        if language not in self._tokenizers:
            multilingual = self._model.model.is_multilingual
            self._tokenizers[language] = Tokenizer(
                self._model.hf_tokenizer, multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _prompt(self, job: DecodeJob) -> list[int]:
        tokenizer = self._tokenizer(job.language)
        before = tokenizer.encode(" " + job.prompt.strip())[-_MAX_POSITIONS // 2 + 1 :] if job.prompt else []
        context = [tokenizer.sot_prev, *before] if before else []
        return [*context, *tokenizer.sot_sequence, tokenizer.no_timestamps]

    def _words(self, job: DecodeJob, result: Any, encoded: Any, frames: int) -> tuple[Word, ...]:
        """What is said in the window, unless it is to be rejected, with times from the alignment heads'
        cross-attention and punctuation joined to its word."""
        from faster_whisper.transcribe import merge_punctuations

        tokenizer = self._tokenizer(job.language)
        tokens = [token for token in result.sequences_ids[0] if token < self._eot]
        text = tokenizer.decode(tokens)
        if not tokens or self._rejected(job, text, result):
            return ()
        used = min(frames, len(job.pcm) // 2 * _FRAMES_PER_SECOND // SAMPLE_RATE + 1)
        timings: list[dict[str, Any]] = self._model.find_alignment(tokenizer, [tokens], encoded, used)[0]
        merge_punctuations(timings, _OPENING_PUNCTUATION, _CLOSING_PUNCTUATION)
        return tuple(_word(timing, job.start) for timing in timings if timing["word"].strip())

    def _rejected(self, job: DecodeJob, text: str, result: Any) -> bool:
        """Whether what was decoded is no speech, or not worth showing."""
        options, logprob = self._options, result.scores[0]
        return (
            result.no_speech_prob > options.no_speech
            or logprob < options.min_logprob
            or _compression(text) > options.max_compression
            or (logprob < options.doubtful_logprob and not holds_speech(job.pcm))
        )

    def _suspicious(self, job: DecodeJob, result: Any, limit: int) -> bool:
        """Whether the text may come from the shortness of the window, not from what is said in it."""
        tokens = result.sequences_ids[0]
        return (
            len(tokens) >= limit
            or result.scores[0] < self._options.min_logprob
            or _compression(self._tokenizer(job.language).decode(tokens)) > self._options.max_compression
        )


def _word(timing: dict[str, Any], offset: int) -> Word:
    start, end = (offset + round(float(timing[key]) * SAMPLE_RATE) for key in ("start", "end"))
    return Word(timing["word"].strip(), start, end, float(timing["probability"]))


def _compression(text: str) -> float:
    """How much smaller the text gets: high when it repeats itself."""
    return len(text.encode()) / len(zlib.compress(text.encode()))


def _token_limit(jobs: Sequence[DecodeJob]) -> int:
    """The most tokens that the longest of the windows can hold."""
    return int(_TOKENS_PER_SECOND * (max(len(job.pcm) for job in jobs) / 2 / SAMPLE_RATE + 1))


def _fit_to_encode(frames: int, mels: int) -> int:
    """A number of frames that CTranslate2 can take: where the encoder's output has as many positions as the
    input has mels, it is taken for a spectrogram and encoded once more, and decodes to nonsense."""
    return frames + 2 if frames == 2 * mels else frames


def _padded(features: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """The spectrogram with silence behind it, or cut, to a number of frames."""
    return np.pad(features, ((0, 0), (0, max(0, frames - features.shape[1]))))[:, :frames]


def _noise(seconds: int, kind: DecodeKind) -> DecodeJob:
    """A window of soft noise; the same one every time."""
    noise = np.random.default_rng(0).normal(0, 300, seconds * SAMPLE_RATE).astype(np.int16)
    return DecodeJob("", 0, kind, 0, noise.tobytes())


def _stack(encoded: Sequence[Any]) -> Any:
    """Encoder outputs of one window each as one of several windows."""
    from ctranslate2 import StorageView

    return StorageView.from_array(np.concatenate([np.asarray(each) for each in encoded]))
