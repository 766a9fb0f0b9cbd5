"""Utterances on one side, decode jobs on the other: keeps the audio, asks for one decode at a time, and
hands out utterances in order once their words are known.

While a decode is out the transcriber only gathers audio; when the answer comes it asks again with all
there is by then. So load shows as a slower cadence, never as a growing queue. The one exception is a
final, which does not wait for a partial that is still out: it takes its place.

A session that is asked to find out its language, or to use the server's default, is told by each decode
which language it was in. It keeps the one that so much speech in a row was in that a recogniser is hardly
mistaken any more; Whisper base names the wrong language for a fourth of the windows of 1 to 2 s.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from voicegw.core.audio import SAMPLE_RATE, WINDOW_SAMPLES, Pcm, Tape, to_samples
from voicegw.core.context import Context
from voicegw.core.cut import LATEST_MS, quietest_gap
from voicegw.core.hypothesis import Hypothesis
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeJob, DecodeKind, DecodeResult
from voicegw.core.utterance import RecognitionOptions, Rest, Utterance, UtteranceState

_FORGET_EVERY = SAMPLE_RATE // 4
_LANGUAGE_KEPT_AFTER_MS = 3000  # of speech in it
_LONGEST_WINDOW = to_samples(28_000)  # with 2 s of silence behind it, all that Whisper takes
REHEARD = SAMPLE_RATE  # a scorer that begins anew in mid-session hears so much of the past first


class TranscriberState(msgspec.Struct, array_like=True):
    """What a transcriber knows beside the audio, for another process to go on with. A decode that is out is
    not part of it: it is asked for again. language: that jobs ask for; None in snapshots of versions without
    it. context: what was said last. language_run: the language of the last utterances, and their speech in
    ms."""

    options: RecognitionOptions
    jobs: int
    spoken_for: int
    pending: list[UtteranceState]
    language: str | None = None
    context: Context | None = None
    language_run: tuple[str, int] = ("", 0)


@dataclass(frozen=True, slots=True)
class _Flight:
    """The decode that is out; `context`: what its window has before the utterance; `rest`: what it decodes
    by itself."""

    number: int
    kind: DecodeKind
    utterance: Utterance
    until: int
    context: Context | None
    rest: Rest | None


class Transcriber:
    """One session's recognition. `position` is the session's clock in samples; `language` is what jobs ask
    for: an ISO 639-1 code, AUTO_LANGUAGE, or empty for the server's default."""

    def __init__(self, session: str, options: RecognitionOptions, pre_roll_ms: int, language: str) -> None:
        self.options = options
        self._session = session
        self.language = language
        self._context: Context | None = None
        self._language_run = "", 0  # the language of the last utterances, and their speech in ms
        self._pre_roll = to_samples(pre_roll_ms)
        self._tape = Tape()
        self._pending: list[Utterance] = []  # not settled yet, oldest first; the last may be running
        self._flight: _Flight | None = None
        self._jobs = 0
        self._spoken_for = 0  # samples before this belong to earlier utterances

    @property
    def position(self) -> int:
        return self._tape.end

    @property
    def running(self) -> Utterance | None:
        """The utterance that is still being spoken."""
        return self._pending[-1] if self._pending and self._pending[-1].end is None else None

    @property
    def idle(self) -> bool:
        """Whether every utterance has been handed out."""
        return not self._pending

    @property
    def provisional(self) -> Utterance | None:
        """The running utterance while its speaker pauses, once all that was voiced has had a final decode and
        nothing said before it is still open: its words are those of the final, if the silence lasts."""
        running = self.running if len(self._pending) == 1 else None
        return running if running is not None and running.paused and running.covered else None

    def append(self, window: Pcm) -> None:
        """Keeps the next window; forgets, now and then, what no utterance and no pre-roll needs."""
        self._tape.append(window)
        if self._tape.end % _FORGET_EVERY < len(window):
            self._end_context()
            self._tape.forget(self.audio_needed_from)

    def _end_context(self) -> None:
        """After a long silence, what was said before it is no context any more."""
        gap = to_samples(self.options.context_gap_ms)
        if self._context is not None and not self._pending and self.position - self._context.end > gap:
            self._context = None

    @property
    def audio_needed_from(self) -> int:
        """The audio before this is needed by no utterance, no pre-roll, and no scorer that begins anew."""
        kept = self.position - max(2 * self._pre_roll, REHEARD)
        oldest = self._pending[0] if self._pending else None
        if oldest is not None:
            kept = min(kept, oldest.window_start, self.position - to_samples(self.options.context_ms))
        if self._context is not None and (oldest is None or oldest.window_start == oldest.start):
            kept = min(kept, self._context.start)
        return max(0, kept)

    def audio_after(self, position: int) -> tuple[int, bytes]:
        """The audio from `position` on, or from where it is kept, and where that is."""
        start = max(position, self._tape.start)
        return start, self._tape.cut(start, self._tape.end)

    def snapshot(self) -> TranscriberState:
        """All it knows beside the audio."""
        pending = [utterance.snapshot() for utterance in self._pending]
        return TranscriberState(
            *(self.options, self._jobs, self._spoken_for, pending),
            *(self.language, self._context, self._language_run),
        )

    def restore(self, state: TranscriberState, audio: Pcm, start: int) -> None:
        """Goes on where another transcriber was; `audio` begins at the session sample `start`."""
        self.options, self._jobs, self._spoken_for = state.options, state.jobs, state.spoken_for
        self._pending = [Utterance.restored(state.options, one) for one in state.pending]
        self.language = self.language if state.language is None else state.language
        self._context, self._language_run = state.context, state.language_run
        self._tape.start = self._tape.end = start
        self._tape.append(audio)

    def begin(self, turn: int, speech_start: int) -> None:
        """An utterance starts, a pre-roll before its first voiced sample."""
        start = max(speech_start - self._pre_roll, self._spoken_for, self._tape.start)
        hypothesis = Hypothesis(self.options)
        self._pending.append(
            Utterance(
                turn,
                start,
                speech_start,
                speech_end=self.position,
                heard_until=speech_start,
                hypothesis=hypothesis,
            )
        )

    def finish(self, at: int | None = None) -> None:
        """The running utterance is over; everything up to now, or up to the sample `at`, belongs to it. A
        decode that heard more than that is no longer awaited."""
        if (running := self.running) is not None:
            self._spoken_for = running.end = self.position if at is None else at
            running.speech_end = min(running.speech_end, running.end)
            if self._flight is not None and self._flight.until > running.end:
                self._flight = None

    def place_for_cut(self) -> int | None:
        """Where the running utterance, which is too long, is best cut: behind all that is settled, and in its
        second half. None if no voice is left behind that."""
        running = self.running
        assert running is not None, "only a running utterance is cut"
        longest = min(to_samples(LATEST_MS), (self.position - running.start) // 2)
        start = max(running.fixed_until, self.position - longest)
        start += -start % WINDOW_SAMPLES
        if start >= running.speech_end:
            return None
        audio = np.frombuffer(self._tape.cut(start, running.speech_end), dtype=np.int16)
        return quietest_gap(running.hypothesis.shown, audio, start)

    def next_job(self) -> DecodeJob | None:
        """The decode that is due now, if any; it is then the one that is out."""
        if not self._pending:
            return None
        utterance = self._pending[0]
        kind = utterance.due(self.position, to_samples(self.options.partial_interval_ms))
        if kind is None or (self._flight is not None and not self._may_replace(kind)):
            return None
        until = self.position if utterance.end is None else utterance.end
        self._jobs += 1
        utterance.trim(to_samples(self.options.trim_after_ms))
        rest, context = utterance.rest, self._context_of(utterance, kind, until)
        start = next((part.start for part in (rest, context) if part), utterance.window_start)
        prompt = utterance.hypothesis.prompt
        self._flight = _Flight(self._jobs, kind, utterance, until, context, rest)
        pcm = self._tape.cut(start, until)
        terms = self.options.key_terms
        before = 0 if context is None else utterance.start - start
        lead_in = self._missing_pre_roll(utterance) if rest is None else 0
        return DecodeJob(
            *(self._session, self._jobs, kind, start, pcm, prompt, self.language, terms, before, lead_in)
        )

    def _missing_pre_roll(self, utterance: Utterance) -> int:
        """The part of the pre-roll that an utterance lacks when it begins with the session, or right behind a
        commit or a cut, while its window holds its begin. Before it there may be context, of a model that may
        do without."""
        lacks = max(0, self._pre_roll - (utterance.speech_start - utterance.start))
        return lacks if utterance.window_start == utterance.start else 0

    def _context_of(self, utterance: Utterance, kind: DecodeKind, until: int) -> Context | None:
        """What the window of a decode of the utterance begins with, if there is any. A partial's window stays
        short: it has as much context as leaves room for its own audio."""
        gap = to_samples(self.options.context_gap_ms)
        if self._context is None or utterance.start - self._context.end > gap:
            return None
        if utterance.rest is not None or utterance.window_start > utterance.start:
            return None  # its own words are context enough
        context = msgspec.structs.replace(self._context)
        counted_from = until if kind is DecodeKind.PARTIAL else utterance.start
        earliest = max(counted_from - to_samples(self.options.context_ms), until - _LONGEST_WINDOW)
        context.forget(max(earliest, self._tape.start))
        return context if context.start < utterance.start else None

    def _may_replace(self, kind: DecodeKind) -> bool:
        assert self._flight is not None
        return kind is DecodeKind.FINAL and self._flight.kind is DecodeKind.PARTIAL

    def receive(self, result: DecodeResult) -> Utterance | None:
        """The utterance that `result` tells more about; None when the result is no longer awaited."""
        flight = self._land(result.number)
        if flight is None:
            return None
        if flight.context is not None and not result.context_dropped:
            result = msgspec.structs.replace(
                result, words=flight.context.strip(result.words, flight.utterance.start)
            )
        if flight.rest is not None:
            result = msgspec.structs.replace(result, words=(*flight.rest.words, *result.words))
        flight.utterance.receive(result, flight.kind, flight.until)
        return flight.utterance

    def receive_failure(self, number: int) -> None:
        """A decode was given up; harmless when it is no longer awaited."""
        flight = self._land(number)
        if flight is not None:
            flight.utterance.receive_failure(flight.kind, flight.until)

    def give_up(self) -> None:
        """The oldest utterance, which is over, has waited for its words too long. An answer to a decode of it
        that is still out is no longer awaited."""
        oldest = self._pending[0]
        assert oldest.end is not None, "only what is over is given up"
        oldest.receive_failure(DecodeKind.FINAL, oldest.end)
        if self._flight is not None and self._flight.utterance is oldest:
            self._flight = None

    def _land(self, number: int) -> _Flight | None:
        flight = self._flight
        if flight is None or flight.number != number:
            return None
        self._flight = None
        return flight

    def take_complete(self) -> Utterance | None:
        """The oldest utterance, when it is over and its words are known."""
        if not (self._pending and self._pending[0].complete):
            return None
        utterance = self._pending.pop(0)
        self._remember(utterance)
        if utterance.language and self.language in ("", AUTO_LANGUAGE):
            self._learn_language(utterance)
        return utterance

    def _remember(self, utterance: Utterance) -> None:
        """What was just told is context for what comes next."""
        assert utterance.end is not None, "what was told is over"
        if utterance.failed:
            self._context = None  # its audio may be what workers die of
            return
        if self._context is None:
            self._context = Context(utterance.start, utterance.end, [])
        self._context.append(utterance.end, utterance.words())
        self._context.forget(utterance.end - to_samples(self.options.context_ms))

    @property
    def known_language(self) -> str:
        """The language that jobs ask for, else that of the last utterance; empty where neither is known."""
        return self._language_run[0] if self.language in ("", AUTO_LANGUAGE) else self.language

    def _learn_language(self, utterance: Utterance) -> None:
        language, so_far_ms = self._language_run
        run_ms = utterance.voiced_ms + (so_far_ms if language == utterance.language else 0)
        self._language_run = utterance.language, run_ms
        if run_ms >= _LANGUAGE_KEPT_AFTER_MS:
            self.language = utterance.language
