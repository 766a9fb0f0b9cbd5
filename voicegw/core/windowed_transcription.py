"""Transcription by a recogniser of windows. It keeps the audio, requests one decode at a time, and returns
the finals of utterances in order.

While a decode is in flight, audio is only collected; the next decode covers all audio up to then. So load
makes partials less frequent, but the queue does not grow. One exception: a final does not wait for a partial
in flight, but replaces it.
"""

from dataclasses import replace

import msgspec
import numpy as np

from voicegw.core.actions import Recognize
from voicegw.core.audio import SAMPLE_RATE, WINDOW_SAMPLES, AudioBuffer, Pcm, to_samples
from voicegw.core.decode_context import DecodeContextTracker
from voicegw.core.in_flight_decode import InFlightDecode
from voicegw.core.jobs import DecodeFailure, DecodeJob, DecodeKind, DecodeResult, text_of
from voicegw.core.language_tracker import LanguageTracker
from voicegw.core.languages import is_language
from voicegw.core.options import check
from voicegw.core.split_point import SEARCHED_MS, quietest_gap
from voicegw.core.text import quoted
from voicegw.core.transcription import SCORER_WARM_UP, Final, KeptAudio, Partial, ProvisionalFinal, Update
from voicegw.core.utterance import RecognitionOptions, Utterance
from voicegw.errors import InvalidValue

_DROP_EVERY = SAMPLE_RATE // 4


class WindowedState(msgspec.Struct, array_like=True):
    """The state of a transcription without its audio. A decode in flight is not part of it: the restored
    transcription requests it again.

    jobs: how many decode jobs were created. assigned_until: samples before this one belong to earlier
    utterances. pending: utterances without their final, oldest first; the last one may be running.
    """

    options: RecognitionOptions
    language: LanguageTracker
    context: DecodeContextTracker = msgspec.field(default_factory=DecodeContextTracker)
    pending: list[Utterance] = []
    jobs: int = 0
    assigned_until: int = 0


class WindowedTranscription:
    """A Transcription whose requests are DecodeJobs and whose answers are DecodeResults and DecodeFailures.

    position: the number of samples received. language: that jobs request: ISO 639-1, AUTO_LANGUAGE, or empty
    for the server's default.
    """

    def __init__(self, session: str, options: RecognitionOptions, pre_roll_ms: int, language: str) -> None:
        self._session = session
        self._state = WindowedState(options, LanguageTracker(language))
        self._pre_roll = to_samples(pre_roll_ms)
        self._audio = AudioBuffer()
        self._in_flight: InFlightDecode | None = None
        self._hypotheses: list[Update] = []  # not returned yet

    @property
    def running(self) -> Utterance | None:
        """See Transcription."""
        newest = self._state.pending[-1] if self._state.pending else None
        return newest if newest is not None and newest.end is None else None

    def _expect_running(self) -> Utterance:
        running = self.running
        assert running is not None, "this method is called only while an utterance runs"
        return running

    @property
    def idle(self) -> bool:
        """See Transcription."""
        return not self._state.pending

    # --- audio ---

    def receive_audio(self, window: Pcm) -> None:
        """Keeps the next window, and four times a second drops audio that is no longer needed."""
        self._audio.append(window)
        if self._audio.end % _DROP_EVERY < len(window):
            if not self._state.pending:
                self._state.context.expire(self._audio.end, self._state.options)
            self._audio.drop_before(self._needed_from)

    @property
    def _needed_from(self) -> int:
        kept = self._audio.end - max(2 * self._pre_roll, SCORER_WARM_UP)
        oldest = self._state.pending[0] if self._state.pending else None
        if oldest is not None:
            kept = min(
                kept, oldest.window_start, self._audio.end - to_samples(self._state.options.context_ms)
            )
        context = self._state.context.latest
        if context is not None and (oldest is None or oldest.window_start == oldest.start):
            kept = min(kept, context.start)
        return max(0, kept)

    def kept_audio(self, position: int) -> KeptAudio:
        """See Transcription."""
        start = max(position, self._audio.start)
        return KeptAudio(start, self._audio.read(start, self._audio.end), self._needed_from)

    def snapshot(self) -> bytes:
        """See Transcription."""
        return msgspec.msgpack.encode(self._state)

    def restore(self, state: bytes, audio: Pcm, start: int) -> None:
        """See Transcription."""
        self._state = msgspec.msgpack.decode(state, type=WindowedState)
        self._audio.start = self._audio.end = start
        self._audio.append(audio)

    def configure(
        self,
        partial_interval_ms: int | None,
        key_terms: tuple[str, ...] | None,
        language: str | None,
    ) -> None:
        """See Transcription."""
        before = self._state.options
        try:
            options = replace(
                before,
                partial_interval_ms=(
                    before.partial_interval_ms if partial_interval_ms is None else partial_interval_ms
                ),
                key_terms=before.key_terms if key_terms is None else key_terms,
            )
        except ValueError as error:
            raise InvalidValue(str(error)) from error
        check(options)
        if not is_language(language or ""):
            raise InvalidValue(f"language {quoted(language or '')} is none that can be recognised")
        self._state.options = options
        if language is not None:
            self._state.language = LanguageTracker(language)

    # --- the endpointer's signals ---

    def begin(self, turn: int, speech_start: int) -> None:
        """Begins an utterance, a pre-roll before its first voiced sample."""
        start = max(speech_start - self._pre_roll, self._state.assigned_until, self._audio.start)
        self._state.pending.append(
            Utterance(
                turn, start, start, speech_start, speech_end=self._audio.end, decoded_until=speech_start
            )
        )

    def pause(self, *, urgent: bool = False) -> None:
        """See Transcription."""
        running = self._expect_running()
        running.paused, running.urgent = True, urgent

    def resume(self, at: int) -> None:
        """See Transcription."""
        self._expect_running().resume(at)

    def finish(self, at: int | None = None, *, urgent: bool = False) -> None:
        """See Transcription. The answer of a decode in flight is ignored if its window ends after `at`, or if
        all speech has its words already."""
        running = self._expect_running()
        running.urgent = urgent
        self._state.assigned_until = running.end = self._audio.end if at is None else at
        running.speech_end = min(running.speech_end, running.end)
        if self._in_flight is not None and (running.covered or self._in_flight.until > running.end):
            self._in_flight = None

    def split_point(self) -> int | None:
        """A sample in the second half of the utterance, after all words that are final or stable. None in a
        pause, or if there is no speech after it."""
        running = self._expect_running()
        longest = min(to_samples(SEARCHED_MS), (self._audio.end - running.start) // 2)
        start = max(running.fixed_until, self._audio.end - longest)
        start += -start % WINDOW_SAMPLES
        if running.paused or start >= running.speech_end:
            return None
        audio = np.frombuffer(self._audio.read(start, running.speech_end), dtype=np.int16)
        return quietest_gap(running.hypothesis.words, audio, start)

    def expire_oldest(self) -> None:
        """See Transcription."""
        oldest = self._state.pending[0]
        assert oldest.end is not None, "only an utterance that has ended expires"
        oldest.receive_failure(DecodeKind.FINAL, oldest.end)
        self._in_flight = None

    # --- updates ---

    def next_update(self) -> Update | None:
        """Hypotheses first, then finals, then the decode that is due."""
        if self._hypotheses:
            return self._hypotheses.pop(0)
        if self._state.pending and self._state.pending[0].complete:
            return self._final(self._state.pending.pop(0))
        job = self._next_job()
        return None if job is None else Recognize(job)

    def _final(self, utterance: Utterance) -> Final:
        assert utterance.end is not None, "a complete utterance has ended"
        self._state.context.remember(utterance, self._state.options)
        words, decode = tuple(utterance.words()), utterance.final_decode
        language = utterance.language if words else ""  # noise has none, whatever a partial found in it
        self._state.language.learn(language, utterance.voiced_ms)
        return Final(
            *(utterance.turn, words, utterance.start, utterance.end),
            *(utterance.voiced_ms, language or self._state.language.requested, utterance.failed),
            queue_ms=decode.queue_ms if decode else None,
            decode_ms=decode.decode_ms if decode else None,
        )

    def _next_job(self) -> DecodeJob | None:
        """The decode that is due now, if any; it is then in flight."""
        if not self._state.pending:
            return None
        utterance = self._state.pending[0]
        kind = utterance.due(self._audio.end, to_samples(self._state.options.partial_interval_ms))
        if kind is None or (self._in_flight is not None and not self._may_replace(kind, utterance)):
            return None
        until = self._audio.end if utterance.end is None else utterance.end
        self._state.jobs += 1
        utterance.trim(to_samples(self._state.options.trim_after_ms))
        remainder = utterance.remainder
        context = self._state.context.before(utterance, kind, until, self._audio.start, self._state.options)
        start = next((part.start for part in (remainder, context) if part), utterance.window_start)
        prompt = utterance.hypothesis.prompt
        self._in_flight = InFlightDecode(self._state.jobs, kind, utterance, until, context, remainder)
        pcm = self._audio.read(start, until)
        terms = self._state.options.key_terms
        before = 0 if context is None else utterance.start - start
        lead_in = utterance.missing_pre_roll(self._pre_roll) if remainder is None else 0
        return DecodeJob(
            *(self._session, self._state.jobs, kind, start, pcm, prompt),
            *(self._state.language.requested, terms, before, lead_in),
            urgent=utterance.awaited,
            retried=utterance.retried,
        )

    def _may_replace(self, kind: DecodeKind, utterance: Utterance) -> bool:
        """Whether a decode that is due makes the one in flight useless: a partial, or if the client waits, a
        final without the last speech."""
        assert self._in_flight is not None
        is_useless = utterance.awaited and self._in_flight.until < utterance.speech_end
        return kind is DecodeKind.FINAL and (self._in_flight.kind is DecodeKind.PARTIAL or is_useless)

    # --- answers ---

    def receive_answer(self, answer: DecodeResult | DecodeFailure) -> None:
        """See Transcription."""
        in_flight = self._in_flight
        if in_flight is None or in_flight.number != answer.number:
            return
        self._in_flight, utterance = None, in_flight.utterance
        if isinstance(answer, DecodeFailure):
            utterance.receive_failure(in_flight.kind, in_flight.until)
            return
        result = in_flight.own_result(answer)
        utterance.receive(result, in_flight.kind, in_flight.until, self._state.options)
        if utterance.end is None:
            self._hypotheses += self._hypotheses_of(utterance)

    def _hypotheses_of(self, running: Utterance) -> list[Update]:
        """The updates for the running utterance: a partial and, in a pause, once a final decode covers all
        its speech and all earlier utterances have their finals, a provisional final."""
        language = running.language or self._state.language.requested
        stable, tentative = tuple(running.hypothesis.stable), tuple(running.hypothesis.tentative)
        shown = text_of(stable), text_of(tentative)
        changed, running.shown = shown != running.shown, shown
        partial = Partial(
            running.turn, stable, tentative, running.decoded_until, running.voiced_ms, language, changed
        )
        if not (
            running.paused and running.covered and running.final_decode and len(self._state.pending) == 1
        ):
            return [partial]
        words, end_of_turn = tuple(running.words()), running.final_decode.end_of_turn
        return [partial, ProvisionalFinal(running.turn, words, language, end_of_turn)]
