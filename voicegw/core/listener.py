"""The listener of a session: receives windows of audio and emits transcripts.

It routes each window to the scorer, the endpointer and the transcription, begins and ends utterances at the
boundaries that the endpointer finds, and passes the words to the client and the dialogue manager. Positions
are session samples; `now` is monotonic seconds.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, assert_never

import msgspec

from voicegw.core import commands, events
from voicegw.core.actions import Action, Recognize, SendEvent
from voicegw.core.audio import WINDOW_SAMPLES, ArrivalClock, Pcm
from voicegw.core.completeness import Completeness, judge
from voicegw.core.dialogue_manager import DialogueManager
from voicegw.core.endpoint import Boundary, Endpointer, SpeechScorer
from voicegw.core.events import EndReason
from voicegw.core.jobs import AUTO_LANGUAGE, text_of
from voicegw.core.languages import language_of
from voicegw.core.latency import TurnTiming
from voicegw.core.options import check
from voicegw.core.profile import SessionProfile
from voicegw.core.transcription import SCORER_WARM_UP, Final, Partial, ProvisionalFinal, Transcription
from voicegw.errors import RecognitionFailed

LONGEST_WAIT_S = 120.0
_ENDPOINT_SETTINGS = (
    *("end_silence_ms", "min_end_silence_ms", "max_end_silence_ms", "max_utterance_ms"),
    *("adaptive", "threshold"),
)


class ListenerState(msgspec.Struct, array_like=True):
    """The state of a listener without its audio. transcription: in the format of its implementation. timings:
    of utterances that have ended and have no final yet. discarded: those of them whose words are dropped.
    language: that the user speaks."""

    endpointer: Endpointer
    transcription: msgspec.Raw
    timings: list[TurnTiming]
    discarded: list[int] = []
    language: str = ""


class Listener:
    """arrivals: the arrival time of each sample. emit: called with each action. language: the ISO 639-1 code
    of the language that the user speaks; empty while it is unknown."""

    def __init__(
        self,
        endpointer: Endpointer,
        transcription: Transcription,
        scorer: SpeechScorer,
        arrivals: ArrivalClock,
        dialogue: DialogueManager,
        emit: Callable[[Action], None],
    ) -> None:
        self._endpointer = endpointer
        self._transcription = transcription
        self._scorer = scorer
        self._arrivals = arrivals
        self._dialogue = dialogue
        self._emit = emit
        self._timings: dict[int, TurnTiming] = {}
        self._discarded: set[int] = set()  # turns whose words are not wanted
        self.language = ""

    @property
    def idle(self) -> bool:
        """Whether every utterance has its final."""
        return self._transcription.idle

    @property
    def awaits_final(self) -> bool:
        """Whether an utterance has ended and has no final yet."""
        return bool(self._timings)

    def snapshot(self) -> ListenerState:
        """Its state without the audio."""
        transcription = msgspec.Raw(self._transcription.snapshot())
        timings, discarded = list(self._timings.values()), sorted(self._discarded)
        return ListenerState(self._endpointer, transcription, timings, discarded, self.language)

    def restore(self, state: ListenerState, audio: Pcm, start: int, later_s: float, now: float) -> None:
        """Continues from the state of another listener, with its audio from the session sample `start` on.
        This process's clock is `later_s` ahead of the other's. The new scorer first scores the last
        second."""
        self._endpointer = state.endpointer
        self._transcription.restore(bytes(state.transcription), audio, start)
        self._timings = {timing.turn: timing.shifted(later_s) for timing in state.timings}
        self._discarded = set(state.discarded)
        self.language = state.language or self.language
        warm_up = audio[-SCORER_WARM_UP:]
        for begin in range(len(warm_up) % WINDOW_SAMPLES, len(warm_up), WINDOW_SAMPLES):
            self._scorer.score(warm_up[begin : begin + WINDOW_SAMPLES])
        self.take_updates(now)

    def configure(self, settings: commands.Configure | SessionProfile) -> None:
        """New settings for endpointing, partials, key terms and language; None keeps a value. Raises
        InvalidValue and changes nothing."""
        values = {name: getattr(settings, name) for name in _ENDPOINT_SETTINGS}
        endpoint = replace(
            self._endpointer.options, **{name: value for name, value in values.items() if value is not None}
        )
        check(endpoint)
        self._transcription.configure(settings.partial_interval_ms, settings.key_terms, settings.language)
        self._endpointer.options = endpoint
        if settings.manual is not None:
            self._endpointer.manual = settings.manual
        if settings.language not in (None, "", AUTO_LANGUAGE):
            self.language = settings.language

    def receive_window(self, window: Pcm, now: float) -> None:
        """Receives the next 20 ms of audio. The caller calls `take_updates` after the last window of a
        message."""
        self._expire_overdue(now)
        self._transcription.receive_audio(window)
        boundary = self._endpointer.receive(self._scorer.score(window))
        running = self._transcription.running
        is_running = running is not None
        if running is not None:
            running.speech_end = self._endpointer.speech_end
        if boundary is not None:
            self._receive_boundary(boundary, now)
        if is_running and self._endpointer.too_long:
            self._split(now)

    def receive_tick(self, now: float, last_audio_at: float) -> None:
        """Ends an utterance whose audio has stopped arriving."""
        self._expire_overdue(now)
        if (now - last_audio_at) * 1000 >= self._endpointer.options.stall_ms:
            self.force_end(EndReason.STALLED, now)

    def force_end(self, reason: EndReason, now: float) -> None:
        """Ends the running utterance, if there is one, without waiting for silence."""
        if self._endpointer.open:
            self._endpointer.force()
            self._end_utterance(reason, now)
            self.take_updates(now)

    def discard(self, now: float) -> None:
        """Ends the running utterance, if there is one, and drops its words."""
        if (running := self._transcription.running) is not None:
            self._discarded.add(running.turn)
            self.force_end(EndReason.DISCARDED, now)

    def receive_recognition(self, answer: Any, now: float) -> None:
        """An answer of the executor to a Recognize."""
        self._transcription.receive_answer(answer)
        self.take_updates(now)

    def _expire_overdue(self, now: float) -> None:
        """Gives up the oldest utterance that has waited too long for its final, so that the audio of a
        session whose recognition fails stays bounded. Each decode also has a time limit, but without its
        queueing."""
        if not self._timings:
            return
        timing = next(iter(self._timings.values()))
        if timing.endpoint is not None and now - timing.endpoint > LONGEST_WAIT_S:
            self._transcription.expire_oldest()
            self.take_updates(now)

    def _receive_boundary(self, boundary: Boundary, now: float) -> None:
        match boundary:
            case Boundary.STARTED:
                self._begin_utterance(now)
            case Boundary.PAUSED:
                self._endpointer.words_due = True
                self._transcription.pause(urgent=self._endpointer.manual)
            case Boundary.RESUMED:
                self._transcription.resume(self._endpointer.voice_start)
                self._dialogue.receive_speech(now, resumed=True)
            case Boundary.ENDED:
                self._end_utterance(EndReason.SILENCE, now)
                self.take_updates(now)
            case _:
                assert_never(boundary)

    def _split(self, now: float) -> None:
        """Ends an utterance that is too long. During speech, the next one begins at once, between two
        words."""
        place = self._transcription.split_point()
        if place is None:
            self.force_end(EndReason.MAX_LENGTH, now)
            return
        self._endpointer.split(place)
        self._end_utterance(EndReason.MAX_LENGTH, now, place)
        self._begin_utterance(now)  # before the words of the first one are published: no reply starts yet
        self.take_updates(now)

    def _begin_utterance(self, now: float) -> None:
        turn, start = self._dialogue.next_turn(), self._endpointer.speech_start
        self._transcription.begin(turn, start)
        self._dialogue.receive_speech(now)
        self._emit(SendEvent(events.SpeechStarted(turn, start)))

    def _end_utterance(self, reason: EndReason, now: float, at: int | None = None) -> None:
        running = self._transcription.running
        assert running is not None, "the endpointer was open, so an utterance is running"
        turn, speech_end = running.turn, running.speech_end
        speech_end = speech_end if at is None else min(speech_end, at)
        self._transcription.finish(at, urgent=reason is EndReason.COMMIT)
        spoken_at = self._arrivals.arrival_time(speech_end)
        zero = now if spoken_at is None else spoken_at
        self._timings[turn] = TurnTiming(turn, zero=zero, endpoint=now)
        self._emit(SendEvent(events.SpeechStopped(turn, speech_end, reason)))

    def take_updates(self, now: float) -> None:
        """Sends the updates of the transcription and passes on its requests."""
        while (update := self._transcription.next_update()) is not None:
            match update:
                case Recognize():
                    self._emit(update)
                case Partial():
                    self._publish_partial(update, now)
                case ProvisionalFinal():
                    self._receive_provisional_final(update, now)
                case Final():
                    self._publish_final(update, now)
                case _:
                    assert_never(update)

    def _publish_partial(self, partial: Partial, now: float) -> None:
        settled, guessed = partial.stable, partial.tentative
        stable, tentative = text_of(settled), text_of(guessed)
        if stable or tentative:
            self._receive_language(partial.language)
            self._dialogue.receive_words(text_of([*settled, *guessed]), partial.voiced_ms, now)
        if partial.changed:
            joined = bool(settled and guessed) and guessed[0].joined
            event = events.PartialTranscript(partial.turn, stable, tentative, partial.audio_end, joined)
            self._emit(SendEvent(event))

    def _receive_provisional_final(self, expected: ProvisionalFinal, now: float) -> None:
        """The words before a pause are known: adapts the end silence and starts a speculative reply. Ignored
        if the user has continued to speak in the same message."""
        if not self._endpointer.paused:
            return
        text = text_of(expected.words)
        completeness = judge(text, language_of(expected.language))
        boundary = self._endpointer.receive_words(completeness, expected.end_of_turn)
        if completeness is not Completeness.UNFINISHED:
            self._dialogue.receive_pause(expected.turn, text, now)
        if boundary is not None:
            self._receive_boundary(boundary, now)

    def _publish_final(self, final: Final, now: float) -> None:
        timing = self._timings.pop(final.turn)
        timing.final, timing.queue_ms, timing.decode_ms = now, final.queue_ms, final.decode_ms
        if final.turn in self._discarded:
            self._discarded.remove(final.turn)
            final = replace(final, words=(), failed=False)
        if final.failed:
            self._emit(SendEvent(events.Fault.of(RecognitionFailed())))
        text = text_of(final.words)
        language = "" if final.language == AUTO_LANGUAGE or not final.words else final.language
        self._emit(
            SendEvent(events.FinalTranscript(final.turn, text, final.words, final.start, final.end, language))
        )
        self._receive_language(final.language)
        more, due = not self.idle, self.awaits_final
        self._dialogue.receive_final(text, final.voiced_ms, timing, now, more=more, due=due)

    def _receive_language(self, language: str) -> None:
        self._dialogue.language = language_of(language)
        if language not in ("", AUTO_LANGUAGE):
            self.language = language
