"""Windows to words, with faster-whisper on CTranslate2.

One path serves every Whisper model: features, encoder, decoder, word alignment. A model whose directory
says so (`short_context` in `voicegw.json`) was trained on windows of any length and is given the audio there
is. A stock model was trained on windows of 30 s, most of which would be silence here. It is given the audio
and a margin of silence, and may write timestamp tokens: without them a stock model loops in a short window,
with them its text is as right as in one of 30 s, for a fraction of the encoder's work.

What still looks wrong is decoded again in 15 s, and then in 30 s. What is not speech is rejected
(rejection.py), so that it becomes neither a transcript nor a prompt.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from voicegw.asr.key_terms import are_likely, is_as_long, is_doubtful, new_terms, once, prompt_tokens
from voicegw.asr.rejection import Evidence, is_speech
from voicegw.asr.transcript import (
    SpecialTokens,
    compression_ratio,
    find_repetition,
    is_doubled,
    text_tokens,
    without_repetition,
)
from voicegw.asr.vad import speech_probability
from voicegw.asr.weights import read_flags
from voicegw.asr.words import Piece, words_of
from voicegw.core.audio import SAMPLE_RATE, to_samples
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.core.options import option
from voicegw.dialects.parameters import is_language
from voicegw.errors import ConfigurationError, ModelUnavailable

_FRAMES_PER_SECOND = 100
_PADDED_FRAMES = 3000
_MARGIN_FRAMES = 200  # of silence behind the audio of a stock model's window
_BUCKETS_FRAMES = (700, 900, 1200, 1500, 2000, 2500, 3000)  # few lengths, so that windows share batches
_RETRY_FRAMES = {DecodeKind.PARTIAL: (1500,), DecodeKind.FINAL: (1500, 3000)}
_CALIBRATION_S = 4
_CALIBRATION_TOKENS = 12
_WORTHWHILE = 0.95  # of the cost for each window so far: less of a gain is not worth the waiting
_TOKENS_PER_SECOND = 8  # of the fastest speech, with room to spare: stops a decoder that loops
_MAX_POSITIONS = 448
_ROOM_FOR_TERMS = 8  # tokens; a name takes more of them than what it was mistaken for
_UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # written without blanks


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """Which speech model, on what, decoded how."""

    model: str = option(
        "base",
        "Whisper model: a name (`base` from the extra whisper-base, else from the model hub), "
        "a CTranslate2 directory, or `bundled`",
    )
    device: str = option("cpu", "cpu, cuda or auto")
    compute_type: str = option("int8", "CTranslate2 number format, such as int8, float16 or default")
    threads: int = option(0, "threads of one decode; 0 for what a calibration at start finds", ge=0, le=64)
    max_batch: int = option(8, "most windows decoded together; fewer where a batch does not pay", ge=1, le=64)
    language: str = option(
        "", "ISO 639-1 code of what is spoken, or auto; for multilingual models; empty is en"
    )
    end_of_turn: bool = option(False, "hear whether a speaker has finished, by the model of pipecat-ai")
    beam_size: int = option(5, "beam of final decodes; partials are greedy", ge=1, le=20)
    strictness: float = option(
        0.0, "how sure it must be that text is speech: above 0 rejects more, below 0 less", ge=-9, le=9
    )
    max_compression: float = option(
        2.4, "compression ratio above which text is taken for a loop and decoded again", ge=1, le=9
    )

    def __post_init__(self) -> None:
        if not is_language(self.language):
            raise ConfigurationError(f"asr.language: {self.language!r} is not an ISO 639 code, such as en")


class DecodeCost(msgspec.Struct, frozen=True):
    """What a decode costs on this machine, measured at the start.

    single_ms: one window of 4 s with 12 tokens. batch: how many windows together cost least each.
    """

    single_ms: float
    batch: int


@dataclass(frozen=True, slots=True)
class _Window:
    """A job with its log-mel spectrogram (mels, frames), the language it is decoded in, and the key terms
    that the decoder reads before it."""

    job: DecodeJob
    spectrogram: NDArray[np.float32]
    language: str
    key_terms: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.job.pcm) / 2 / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class _Draft:
    """What one decode of a window wrote. tokens: its text. encoded: the encoder's output for the window, of
    `frames` frames. endless: it wrote on until its token limit. suspicious: it did, or repeats itself."""

    tokens: list[int]
    text: str
    evidence: Evidence
    encoded: Any
    frames: int
    endless: bool
    suspicious: bool


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
            tokenizer = self._tokenizer("")
            self._suppressed = get_suppressed_tokens(tokenizer, [-1])
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelUnavailable(f"cannot load the speech model in {directory}: {error}") from error
        self._special = SpecialTokens(tokenizer.eot, tokenizer.timestamp_begin)

    def warm(self) -> DecodeCost:
        """Decodes noise of several lengths, so that the first speaker does not pay for the first use of
        each kernel, and measures what a decode costs."""
        for seconds in (1, 2, 4, 8):
            for kind in DecodeKind:
                self.decode([_noise(seconds, kind)])
        speech_probability(_noise(1, DecodeKind.FINAL).pcm)
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
        windows, best_ms = [self._window(_noise(_CALIBRATION_S, DecodeKind.PARTIAL))] * size, float("inf")
        suppressed = [*self._suppressed, self._special.end_of_text]
        for _ in range(2):
            begun = time.perf_counter()
            _, together = self._encode(windows, self._frames(windows))
            self._generate(together, windows, _CALIBRATION_TOKENS, suppressed)
            best_ms = min(best_ms, (time.perf_counter() - begun) * 1000)
        return best_ms

    def decode(self, jobs: Sequence[DecodeJob]) -> list[DecodeResult]:
        """The words of each window, none where there is no speech in it. Several jobs are of one kind, in
        one language, with the same prompt; see asr/batcher.py."""
        windows = [self._window(job) for job in jobs]
        frames = self._frames(windows)
        alone, together = self._encode(windows, frames)
        windows = [self._with_language(window, each) for window, each in zip(windows, alone, strict=True)]
        limit = _token_limit(windows)
        results = self._generate(together, windows, limit, self._suppressed)
        drafts = [
            self._draft(window, result, encoded, frames, limit)
            for window, result, encoded in zip(windows, results, alone, strict=True)
        ]
        return [self._finish(window, draft) for window, draft in zip(windows, drafts, strict=True)]

    def _finish(self, window: _Window, draft: _Draft) -> DecodeResult:
        """The words of a window, after as many retries as its first draft needs."""
        begun, first = time.perf_counter(), draft
        for frames in () if self.flags.short_context else _RETRY_FRAMES[window.job.kind]:
            if draft.suspicious and frames > draft.frames:
                draft = self._decode_alone(window, frames)
        retry_ms = 0.0 if draft is first else (time.perf_counter() - begun) * 1000
        if draft.endless:
            draft = replace(draft, tokens=without_repetition(draft.tokens))
        words = self._words(window, draft) if self._accepted(window, draft) else ()
        words, job = self._with_key_terms(window, draft, words), window.job
        return DecodeResult(
            job.session,
            job.number,
            words,
            language=self._tokenizer(window.language).language_code,
            retry_ms=retry_ms,
        )

    def _with_key_terms(self, window: _Window, draft: _Draft, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words as they are once the decoder has read the key terms, where that finds one among them."""
        terms = window.job.key_terms
        if not terms or not is_doubtful(words):
            return words
        again = self._reread(replace(window, key_terms=terms), draft)
        found = new_terms(terms, draft.text, again.text)
        if not found or not is_as_long(again.text, draft.text):
            return words
        heard = self._words(window, again)
        return heard if are_likely(found, heard) else words

    def _reread(self, window: _Window, draft: _Draft) -> _Draft:
        """What the decoder writes about a window that it has written the draft about."""
        usual = len(draft.tokens)
        limit = min(_token_limit([window]), 2 * usual + _ROOM_FOR_TERMS)
        [result] = self._generate(draft.encoded, [window], limit, self._suppressed)
        again = self._draft(window, result, draft.encoded, draft.frames, limit)
        tokens = once(again.tokens, usual)
        return replace(again, tokens=tokens, text=self._tokenizer(window.language).decode(tokens))

    def _decode_alone(self, window: _Window, frames: int) -> _Draft:
        [encoded], _ = self._encode([window], frames)
        limit = _token_limit([window])
        [result] = self._generate(encoded, [window], limit, self._suppressed)
        return self._draft(window, result, encoded, frames, limit)

    def _window(self, job: DecodeJob) -> _Window:
        audio = np.frombuffer(job.pcm, dtype="<i2").astype(np.float32) / 32768
        audio = np.pad(audio, (0, to_samples(self.flags.partial_silence_ms)))
        return _Window(job, self._model.feature_extractor(audio, padding=0), job.language)

    def _frames(self, windows: Sequence[_Window]) -> int:
        """How many frames the encoder is given of each window."""
        longest = max(window.spectrogram.shape[1] for window in windows)
        if not self.flags.short_context:
            wanted = longest + _MARGIN_FRAMES
            return next((each for each in _BUCKETS_FRAMES if each >= wanted), _PADDED_FRAMES)
        return _fit_to_encode(longest // 2 * 2, mels=windows[0].spectrogram.shape[0])

    def _encode(self, windows: Sequence[_Window], frames: int) -> tuple[list[Any], Any]:
        """The encoder's output for each window, and all of it for one decode.

        A CPU encodes no faster in batches, so windows are encoded one by one and stacked for the decoder,
        where a batch does pay.
        """
        padded = [_padded(window.spectrogram, frames) for window in windows]
        alone = [self._model.encode(each) for each in padded]
        if len(alone) == 1:
            return alone, alone[0]
        if self._model.model.device == "cpu":
            return alone, _stack(alone)
        return alone, self._model.encode(np.stack(padded))

    def _with_language(self, window: _Window, encoded: Any) -> _Window:
        """The window with the language that is spoken in it, where that is to be found out."""
        language = window.language or self._options.language
        if language != AUTO_LANGUAGE or not self._model.model.is_multilingual:
            return window
        [probabilities] = self._model.model.detect_language(encoded)
        token, _ = probabilities[0]  # the most probable one, such as <|en|>
        return replace(window, language=token.strip("<|>"))

    def _generate(
        self, encoded: Any, windows: Sequence[_Window], longest: int, suppressed: list[int]
    ) -> list[Any]:
        prompts = [self._prompt(window) for window in windows]
        return self._model.model.generate(  # type: ignore[no-any-return]
            encoded,
            prompts,
            beam_size=self._options.beam_size if windows[0].job.kind is DecodeKind.FINAL else 1,
            # CTranslate2 writes no more than half of this, and no more than the prompt leaves of it
            max_length=min(_MAX_POSITIONS, longest + max(longest, len(prompts[0]))),
            suppress_tokens=suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )

    def _tokenizer(self, language: str) -> Any:
        """The tokenizer for a language; the default's for one that the model does not know."""
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._model.supported_languages:
            language = self._options.language or self.flags.language
        if language not in self._model.supported_languages:
            language = self.flags.language
        if language not in self._tokenizers:
            multilingual = self._model.model.is_multilingual
            self._tokenizers[language] = Tokenizer(
                self._model.hf_tokenizer, multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _prompt(self, window: _Window) -> list[int]:
        tokenizer = self._tokenizer(window.language)

        def encode(text: str) -> list[int]:
            return [token for token in tokenizer.encode(text) if token < tokenizer.eot]  # text is no command

        before = prompt_tokens(window.key_terms, window.job.prompt, encode)
        context = [tokenizer.sot_prev, *before] if before else []
        timing = [tokenizer.no_timestamps] if self.flags.short_context else []
        return [*context, *tokenizer.sot_sequence, *timing]

    def _draft(self, window: _Window, result: Any, encoded: Any, frames: int, limit: int) -> _Draft:
        written = result.sequences_ids[0]
        tokens = text_tokens(written, self._special, window.seconds)
        text = self._tokenizer(window.language).decode(tokens)
        endless = len(written) >= limit
        suspicious = (
            endless
            or compression_ratio(text) > self._options.max_compression
            or find_repetition(tokens) is not None
            or is_doubled(text)
        )
        evidence = Evidence(result.no_speech_prob, result.scores[0])
        return _Draft(tokens, text, evidence, encoded, frames, endless, suspicious)

    def _accepted(self, window: _Window, draft: _Draft) -> bool:
        """Whether the draft is what somebody said."""
        return bool(draft.text.strip()) and is_speech(
            draft.evidence,
            self.flags.speech,
            lambda: speech_probability(window.job.pcm),
            self._options.strictness,
        )

    def _words(self, window: _Window, draft: _Draft) -> tuple[Word, ...]:
        """The draft's words, with times from the alignment heads' cross-attention."""
        tokenizer, offset = self._tokenizer(window.language), window.job.start
        used = min(draft.frames, len(window.job.pcm) // 2 * _FRAMES_PER_SECOND // SAMPLE_RATE + 1)
        timings: list[dict[str, Any]] = self._model.find_alignment(
            tokenizer, [draft.tokens], draft.encoded, used
        )[0]
        pieces = [_piece(timing, offset) for timing in timings]
        return tuple(words_of(pieces, unspaced=tokenizer.language_code in _UNSPACED_LANGUAGES))


def _piece(timing: dict[str, Any], offset: int) -> Piece:
    start, end = (offset + round(float(timing[key]) * SAMPLE_RATE) for key in ("start", "end"))
    return Piece(timing["word"], start, end, float(timing["probability"]))


def _token_limit(windows: Sequence[_Window]) -> int:
    """The most tokens that the longest of the windows can hold."""
    return int(_TOKENS_PER_SECOND * (max(window.seconds for window in windows) + 1))


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
