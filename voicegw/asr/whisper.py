"""Windows to words: decode, decode again what looks wrong, reject what is not speech.

Decoding is greedy; a final whose text is not sure is searched with a beam as well. Text that repeats itself
or does not end is suspicious. A partial has no words then, because the next one is on its way; a final is
decoded again with 15 s of window, and at last with 30 s. A final with a doubtful word is decoded with less
context, too. What is not speech is rejected (rejection.py), so that it becomes neither a transcript nor
context. The model itself is in model.py.

A final that is not to be retried is searched with a beam at once, because a client may wait for it; if the
beam loops, it is decoded greedily. An urgent one has less padding, too.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from voicegw.asr.draft import Draft, Window
from voicegw.asr.key_terms import are_likely, has_low_confidence, is_as_long, new_terms, once
from voicegw.asr.model import Prompt, Room, Runtime, WhisperModel
from voicegw.asr.rejection import Evidence, is_speech
from voicegw.asr.token_limit import is_greatest, token_limit
from voicegw.asr.transcript import (
    compression_ratio,
    is_loop,
    is_repetitive,
    reaches_end,
    text_tokens,
    without_repetition,
)
from voicegw.asr.vad import speech_probability
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.asr.words import (
    is_doubtful,
    mean_log_probability,
    split_at,
    without_unheard,
    words_of,
)
from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word, text_of

_ROOM = {DecodeKind.PARTIAL: Room(margin=200, least=600), DecodeKind.FINAL: Room(margin=200, least=700)}
_RETRY_FRAMES = (1500, 3000)
_SURE = -0.5  # mean log-probability of greedy text from which beam search was no better, on people's speech
_MAX_COMPRESSION = 2.4  # ratio above which text is taken for a loop
_CALIBRATION_S = 4
_CALIBRATION_TOKENS = 12
_ROOM_FOR_TERMS = 8  # tokens; a name takes more of them than what it was mistaken for
_UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # written without blanks


class WhisperEngine:
    """One loaded model, for as many threads as it was loaded for: `at_once`."""

    def __init__(self, directory: Path, options: WhisperOptions, at_once: int = 1) -> None:
        """Loads the weights; raises ModelUnavailable when the directory does not hold a usable model."""
        self._options = options
        runtime = Runtime(options.device, options.compute_type, options.threads, options.language, at_once)
        self._model = WhisperModel(directory, runtime)
        self.flags = self._model.flags

    def warm(self) -> None:
        """Decodes noise of several lengths, so that the first speaker does not pay for the first use of
        each kernel."""
        for seconds in (1, 2, 4, 8):
            for kind in DecodeKind:
                self.decode([_noise(seconds, kind)])
        speech_probability(_noise(1, DecodeKind.FINAL).pcm)

    def decode_calibration(self, size: int) -> None:
        """A batch of so many windows of 4 s, in each of which 12 tokens are written, whatever the model."""
        windows = [self._window(_noise(_CALIBRATION_S, DecodeKind.PARTIAL))] * size
        spectrograms, prompts = [one.spectrogram for one in windows], [one.prompt for one in windows]
        frames = self._model.frames(spectrograms, _ROOM[DecodeKind.PARTIAL])
        _, together = self._model.encode(spectrograms, frames)
        self._model.generate(together, prompts, 1, _CALIBRATION_TOKENS, forbid_end=True)

    def decode(self, jobs: Sequence[DecodeJob]) -> list[DecodeResult]:
        """The words of each window, none where there is no speech in it. Several jobs are of one kind, in
        one language, with the same prompt; see asr/batcher.py."""
        windows = [self._window(job) for job in jobs]
        urgent = all(job.urgent for job in jobs)
        room = _ROOM[DecodeKind.PARTIAL if urgent else jobs[0].kind]
        frames = self._model.frames([window.spectrogram for window in windows], room)
        beam_size = 1 if any(job.retried for job in jobs) else self._options.beam_size
        drafts = self._drafts(windows, frames, beam_size)
        return [self._finish(window, self._searched(window, draft, beam_size)) for window, draft in drafts]

    def _window(self, job: DecodeJob) -> Window:
        if not self.flags.uses_context:
            pcm = job.pcm[SAMPLE_BYTES * job.context :]
            job = msgspec.structs.replace(job, start=job.start + job.context, pcm=pcm, context=0)
        if job.context:
            job = msgspec.structs.replace(job, lead_in=0)  # it has the context instead
        elif job.lead_in:
            pcm = bytes(SAMPLE_BYTES * job.lead_in) + job.pcm
            job = msgspec.structs.replace(job, start=job.start - job.lead_in, pcm=pcm)
        return Window(job, self._model.spectrogram(job.pcm), Prompt(job.language, before=job.prompt))

    def _drafts(
        self, windows: Sequence[Window], frames: int, beam_size: int = 1
    ) -> list[tuple[Window, Draft]]:
        """A decode of the windows together, and each window with the language that it was decoded in."""
        alone, together = self._model.encode([window.spectrogram for window in windows], frames)
        windows = [
            replace(window, prompt=replace(window.prompt, language=self._language(window, encoded)))
            for window, encoded in zip(windows, alone, strict=True)
        ]
        limit = max(self._token_limit(window) for window in windows)
        results = self._generate(together, windows, limit, beam_size)
        return [
            (window, self._draft(window, result, encoded, frames, limit))
            for window, result, encoded in zip(windows, results, alone, strict=True)
        ]

    def _language(self, window: Window, encoded: Any) -> str:
        return self._model.spoken_language(encoded, window.prompt.language)

    def _generate(self, encoded: Any, windows: Sequence[Window], limit: int, beam_size: int) -> list[Any]:
        return self._model.generate(encoded, [window.prompt for window in windows], beam_size, limit)

    def _searched(self, window: Window, draft: Draft, beam_size: int = 1) -> Draft:
        """The draft, or of a final that is not sure, what another search finds. A beam finds more names and
        spelled words than greedy decoding, but it loops more often, too: such a text is not taken.
        beam_size: with which the draft was found."""
        other_size = self._other_beam_size(window.job, draft, beam_size)
        if other_size == beam_size:
            return draft
        found = self._decoded_again(window, draft, self._token_limit(window), other_size)
        is_worse = found.suspicious > draft.suspicious or found.said < draft.said
        return draft if is_worse else found

    def _other_beam_size(self, job: DecodeJob, draft: Draft, beam_size: int) -> int:
        """The beam of a second search; the same one if there is none."""
        if beam_size > 1:
            return 1 if draft.suspicious else beam_size
        is_sure = draft.score >= _SURE and not draft.suspicious
        return 1 if is_sure or job.kind is DecodeKind.PARTIAL else self._options.beam_size

    def _decoded_again(self, window: Window, draft: Draft, limit: int, beam_size: int) -> Draft:
        """Another draft over the same encoding."""
        [result] = self._generate(draft.encoded, [window], limit, beam_size)
        return self._draft(window, result, draft.encoded, draft.frames, limit)

    def _token_limit(self, window: Window) -> int:
        """The most tokens that the window can hold."""
        return token_limit(self._model.code_of(window.prompt.language), window.seconds)

    def _draft(self, window: Window, result: Any, encoded: Any, frames: int, limit: int) -> Draft:
        written = result.sequences_ids[0]
        tokens = text_tokens(written, self._model.special, window.seconds)
        text = self._model.text(tokens, window.prompt.language)
        ended = not self._is_retried(window.job) and reaches_end(written, self._model.special, window.seconds)
        endless = len(written) >= limit and not ended
        repetitive = compression_ratio(text) > _MAX_COMPRESSION or is_repetitive(
            tokens, text, after_context=window.job.context > 0
        )
        cut = endless and is_greatest(limit) and not repetitive
        suspicious = repetitive or (endless and not cut)
        # the words of a context are sure, but say nothing about the audio after it
        counted = 0 if suspicious or cut or window.job.context else len(tokens)
        evidence = Evidence(result.no_speech_prob, result.scores[0], counted)
        said = any(map(str.isalnum, text)) and self._is_speech(window, evidence)
        return Draft(tokens, text, encoded, frames, result.scores[0], said, endless, cut, suspicious)

    def _finish(self, window: Window, draft: Draft) -> DecodeResult:
        """The words of a window, after as many retries as its first draft needs."""
        draft, retry_ms = self._retried(window, draft)
        if draft.endless or is_loop(draft.tokens):
            tokens = without_repetition(draft.tokens)
            draft = replace(draft, tokens=tokens, text=self._model.text(tokens, window.prompt.language))
        words = self._words(window, draft) if self._is_good(window, draft) else ()
        if draft.cut:
            words = words[:-1]  # the last one may be half a word
        elif (with_terms := self._with_key_terms(window, draft, words)) is not words:
            words = with_terms
        elif self._is_compared(window.job, words):
            begun = time.perf_counter()
            words = self._with_less_context(window, words)
            retry_ms += (time.perf_counter() - begun) * 1000
        job = window.job
        return DecodeResult(
            job.session,
            job.number,
            words,
            language=self._model.code_of(window.prompt.language),
            retry_ms=retry_ms,
            context_dropped=not self.flags.uses_context,
            suspicious=draft.said and draft.suspicious and not (job.retried or self.flags.short_context),
            cut=draft.cut and bool(words),
        )

    def _is_good(self, window: Window, draft: Draft) -> bool:
        """Whether somebody said the text; a partial of a stock model must not be suspicious besides."""
        is_final = window.job.kind is DecodeKind.FINAL
        return draft.said and (is_final or self.flags.short_context or not draft.suspicious)

    def _retried(self, window: Window, draft: Draft) -> tuple[Draft, float]:
        """A draft that is not suspicious, or the best there is, and the ms that it took to get it. What was
        said in one draft is not given up for one in which nothing was."""
        begun, retry_ms = time.perf_counter(), 0.0
        for frames in _RETRY_FRAMES if self._is_retried(window.job) else ():
            if draft.said and draft.suspicious and frames > draft.frames:
                [(_, again)] = self._drafts([window], frames)
                again = self._searched(window, again)
                draft = again if again.said else draft
                retry_ms = (time.perf_counter() - begun) * 1000
        return draft, retry_ms

    def _is_retried(self, job: DecodeJob) -> bool:
        """Whether text that looks wrong is decoded again in longer windows."""
        return job.kind is DecodeKind.FINAL and job.retried and not self.flags.short_context

    def _is_speech(self, window: Window, evidence: Evidence) -> bool:
        """Whether a decode wrote what somebody said. Of the audio, the detector hears what is neither context
        nor silence put in front: it takes any sound that follows digital silence for speech."""
        pcm = window.job.pcm[SAMPLE_BYTES * (window.job.context + window.job.lead_in) :]
        return is_speech(
            evidence,
            self.flags.speech,
            lambda enough: speech_probability(pcm, enough),
            self._options.strictness,
        )

    def _words(self, window: Window, draft: Draft) -> tuple[Word, ...]:
        """The draft's words with their times in the session."""
        language, start = window.prompt.language, window.job.start
        earliest = start + window.job.lead_in
        pieces = self._model.align(draft.encoded, draft.tokens, language, window.seconds)
        unspaced = self._model.code_of(language) in _UNSPACED_LANGUAGES
        return tuple(
            msgspec.structs.replace(
                word, start=max(earliest, start + word.start), end=max(earliest, start + word.end)
            )
            for word in without_unheard(words_of(pieces, unspaced=unspaced))
        )

    def _is_compared(self, job: DecodeJob, words: Sequence[Word]) -> bool:
        """Whether a final is decoded with less context, too: where a word of the utterance is doubtful."""
        _, own = split_at(words, job.start + job.context)
        return job.context > 0 and self._is_retried(job) and is_doubtful(own)

    def _with_less_context(self, window: Window, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words, or for the utterance those of a decode with half of the context, if they are of the same
        speech and more probable. Context helps more often than it misleads, but two windows with different
        context seldom make the same mistake."""
        job, boundary = window.job, window.job.start + window.job.context
        before, own = split_at(words, boundary)
        half = job.start + job.context // 2
        begin = next((word.start for word in before if word.start >= half), half)  # no half word
        less = msgspec.structs.replace(
            job, start=begin, pcm=job.pcm[SAMPLE_BYTES * (begin - job.start) :], context=boundary - begin
        )
        again = replace(self._window(less), prompt=window.prompt)
        [(again, draft)] = self._drafts([again], self._model.frames([again.spectrogram], _ROOM[job.kind]))
        draft = self._searched(again, draft)
        if not draft.said or draft.suspicious or draft.cut:
            return words
        _, others = split_at(self._words(again, draft), boundary)
        likelier = mean_log_probability(others) > mean_log_probability(own)
        return (*before, *others) if likelier and is_as_long(text_of(others), text_of(own)) else words

    def _with_key_terms(self, window: Window, draft: Draft, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words as they are once the decoder has read the key terms, where that finds one among them."""
        terms = window.job.key_terms
        if not terms or not has_low_confidence(words):
            return words
        again = self._reread(replace(window, prompt=replace(window.prompt, key_terms=terms)), draft)
        found = new_terms(terms, draft.text, again.text)
        if not found or not is_as_long(again.text, draft.text):
            return words
        heard = self._words(window, again)
        return heard if are_likely(found, heard) else words

    def _reread(self, window: Window, draft: Draft) -> Draft:
        """What the decoder writes about a window that it has written the draft about."""
        usual = len(draft.tokens)
        limit = min(self._token_limit(window), 2 * usual + _ROOM_FOR_TERMS)
        beam_size = self._options.beam_size if window.job.kind is DecodeKind.FINAL else 1
        again = self._decoded_again(window, draft, limit, beam_size)
        tokens = once(again.tokens, usual)
        return replace(again, tokens=tokens, text=self._model.text(tokens, window.prompt.language))


def _noise(seconds: int, kind: DecodeKind) -> DecodeJob:
    """A window of soft noise; the same one every time."""
    noise = np.random.default_rng(0).normal(0, 300, seconds * SAMPLE_RATE).astype(np.int16)
    return DecodeJob("", 0, kind, 0, noise.tobytes())
