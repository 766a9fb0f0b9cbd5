"""The hearing side of a session: windows go in, transcripts come out.

Routes each window to the scorer, the endpointer and the transcriber, turns the endpointer's boundaries
into utterances, and tells the client and the conversation what was said. Positions are session samples,
`now` is monotonic seconds.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from voicegw.core import actions, commands, events
from voicegw.core.actions import Action, Emit
from voicegw.core.audio import WINDOW_SAMPLES, ArrivalClock, Pcm
from voicegw.core.completeness import Completeness, judge
from voicegw.core.conversation import Conversation
from voicegw.core.endpoint import Boundary, Endpointer, EndpointerState, SpeechScorer
from voicegw.core.events import EndReason
from voicegw.core.jobs import AUTO_LANGUAGE, DecodeResult, text_of
from voicegw.core.languages import language_of
from voicegw.core.latency import Stopwatch
from voicegw.core.options import check
from voicegw.core.transcriber import REHEARD, Transcriber, TranscriberState
from voicegw.core.utterance import Utterance
from voicegw.errors import InvalidValue, RecognitionFailed

_LONGEST_WAIT_S = 120.0


class ListenerState(msgspec.Struct, array_like=True):
    """What the hearing side knows beside the audio, for another process to go on with. watches: of utterances
    that are over and wait for their words."""

    endpointer: EndpointerState
    transcriber: TranscriberState
    watches: list[Stopwatch]


class Listener:
    """`arrivals` knows when each sample came; `tell` takes the actions."""

    def __init__(
        self,
        endpointer: Endpointer,
        transcriber: Transcriber,
        scorer: SpeechScorer,
        arrivals: ArrivalClock,
        conversation: Conversation,
        tell: Callable[[Action], None],
    ) -> None:
        self._endpointer = endpointer
        self._transcriber = transcriber
        self._scorer = scorer
        self._arrivals = arrivals
        self._conversation = conversation
        self._tell = tell
        self._watches: dict[int, Stopwatch] = {}

    @property
    def idle(self) -> bool:
        """Whether every utterance has had its final."""
        return self._transcriber.idle

    @property
    def audio_needed_from(self) -> int:
        """The audio before this session sample is of no more use."""
        return self._transcriber.audio_needed_from

    def audio_after(self, position: int) -> tuple[int, bytes]:
        """The audio (s16le) from `position` on, or from where it is kept, and where that is."""
        return self._transcriber.audio_after(position)

    def snapshot(self) -> ListenerState:
        """All it knows beside the audio."""
        watches = list(self._watches.values())
        return ListenerState(self._endpointer.snapshot(), self._transcriber.snapshot(), watches)

    def restore(self, state: ListenerState, audio: Pcm, start: int, later_s: float) -> None:
        """Goes on where another listener was, with its audio from the session sample `start` on; this
        process's clock is `later_s` ahead of the other's. The scorer hears the last second again."""
        self._endpointer.restore(state.endpointer)
        self._transcriber.restore(state.transcriber, audio, start)
        self._watches = {watch.turn: watch.shifted(later_s) for watch in state.watches}
        reheard = audio[-REHEARD:]
        for begin in range(len(reheard) % WINDOW_SAMPLES, len(reheard), WINDOW_SAMPLES):
            self._scorer.score(reheard[begin : begin + WINDOW_SAMPLES])
        self.request_decode()

    def configure(self, command: commands.Configure) -> None:
        """New endpointing, cadence and key terms for the rest of the session. Raises InvalidValue, changing
        nothing."""
        endpoint = replace(
            self._endpointer.options,
            **_given(command, "end_silence_ms", "min_end_silence_ms", "max_end_silence_ms"),
            **_given(command, "max_utterance_ms"),
        )
        try:
            knobs = _given(command, "partial_interval_ms", "key_terms")
            recognition = replace(self._transcriber.options, **knobs)
        except ValueError as error:
            raise InvalidValue(str(error)) from error
        check(endpoint)
        check(recognition)
        self._endpointer.options, self._transcriber.options = endpoint, recognition

    def receive_window(self, window: Pcm, now: float) -> None:
        """The next 20 ms of audio."""
        self._give_up_overdue(now)
        self._transcriber.append(window)
        boundary = self._endpointer.receive(self._scorer.score(window))
        running = self._transcriber.running
        if running is not None:
            running.speech_end = self._endpointer.speech_end
        if boundary is not None:
            self._cross(boundary, running, now)
        if running is not None and self._endpointer.too_long:
            self._cut(running, now)

    def receive_tick(self, now: float, last_audio_at: float) -> None:
        """Someone who stopped sending in mid-speech has finished speaking."""
        self._give_up_overdue(now)
        if (now - last_audio_at) * 1000 >= self._endpointer.options.stall_ms:
            self.force_end(EndReason.STALLED, now)

    def force_end(self, reason: EndReason, now: float) -> None:
        """Ends the running utterance, if there is one, without waiting for silence."""
        if self._endpointer.open:
            self._endpointer.force()
            self._end_utterance(reason, now)

    def receive_result(self, result: DecodeResult, now: float) -> None:
        """The words of a window that was sent to be decoded."""
        utterance = self._transcriber.receive(result)
        if utterance is not None and utterance.end is None:
            self._show(utterance, now)
            self._look_ahead(now)
        self._settle(now)

    def receive_failure(self, number: int, now: float) -> None:
        """The decode with this number was given up."""
        self._transcriber.receive_failure(number)
        self._settle(now)

    def request_decode(self) -> None:
        """Asks for the decode that is due, if any."""
        job = self._transcriber.next_job()
        if job is not None:
            self._tell(actions.Decode(job))

    def _give_up_overdue(self, now: float) -> None:
        """Ends the longest wait for words if it has been too long, so that the audio of a session that is not
        recognised does not pile up. Each decode has a time limit, too, but waits for those before it."""
        watch = next(iter(self._watches.values()), None)
        if watch is not None and watch.endpoint is not None and now - watch.endpoint > _LONGEST_WAIT_S:
            self._transcriber.give_up()
            self._settle(now)

    def _cross(self, boundary: Boundary, running: Utterance | None, now: float) -> None:
        if boundary is Boundary.STARTED:
            self._begin_utterance(now)
        elif running is not None and boundary is Boundary.PAUSED:
            running.paused = True
        elif running is not None and boundary is Boundary.RESUMED:
            running.resume(self._endpointer.voice_start)
            self._conversation.receive_speech(now, resumed=True)
        elif boundary is Boundary.ENDED:
            self._end_utterance(EndReason.SILENCE, now)

    def _cut(self, running: Utterance, now: float) -> None:
        """Ends an utterance that is too long: in a pause it is over, and in mid-speech the next one begins at
        once, between two words."""
        place = None if running.paused else self._transcriber.place_for_cut()
        if place is None:
            self.force_end(EndReason.MAX_LENGTH, now)
            return
        self._endpointer.split(place)
        self._end_utterance(EndReason.MAX_LENGTH, now, place)
        self._begin_utterance(now)

    def _begin_utterance(self, now: float) -> None:
        turn, start = self._conversation.next_turn(), self._endpointer.speech_start
        self._transcriber.begin(turn, start)
        self._conversation.receive_speech(now)
        self._tell(Emit(events.SpeechStarted(turn, start)))

    def _end_utterance(self, reason: EndReason, now: float, at: int | None = None) -> None:
        utterance = self._transcriber.running
        assert utterance is not None, "the endpointer was open, so an utterance is running"
        self._transcriber.finish(at)
        spoken_at = self._arrivals.wall(utterance.speech_end)
        zero = now if spoken_at is None else spoken_at
        self._watches[utterance.turn] = Stopwatch(utterance.turn, zero=zero, endpoint=now)
        self._tell(Emit(events.SpeechStopped(utterance.turn, utterance.speech_end, reason)))
        self._settle(now)

    def _settle(self, now: float) -> None:
        """Hands out every utterance whose words are known, then asks for the decode that is due."""
        while (utterance := self._transcriber.take_complete()) is not None:
            self._publish(utterance, now)
        self.request_decode()

    def _show(self, utterance: Utterance, now: float) -> None:
        settled, guessed = utterance.hypothesis.stable, utterance.hypothesis.tentative
        stable, tentative = text_of(settled), text_of(guessed)
        if stable or tentative:
            self._conversation.language = language_of(self._language(utterance))
            self._conversation.receive_words(text_of([*settled, *guessed]), utterance.voiced_ms, now)
        if (stable, tentative) != utterance.shown:
            utterance.shown = (stable, tentative)
            joined = bool(settled and guessed) and guessed[0].joined
            until = utterance.heard_until
            self._tell(Emit(events.PartialTranscript(utterance.turn, stable, tentative, until, joined)))

    @property
    def language(self) -> str:
        """The language of the session, or of its last utterance; empty while neither is known."""
        return self._transcriber.known_language

    def _language(self, utterance: Utterance) -> str:
        """The language it is in; AUTO_LANGUAGE or empty where that is not known."""
        return utterance.language or self._transcriber.language

    def _look_ahead(self, now: float) -> None:
        """In a pause whose words are known: how long it must last, and what to ask the model meanwhile."""
        utterance = self._transcriber.provisional
        if utterance is not None and utterance.settled is not None:
            text = text_of(tuple(utterance.words()))
            self._endpointer.end_of_turn = utterance.settled.end_of_turn
            self._endpointer.completeness = judge(text, language_of(self._language(utterance)))
            if self._endpointer.completeness is not Completeness.UNFINISHED:
                self._conversation.receive_pause(utterance.turn, text, now)

    def _publish(self, utterance: Utterance, now: float) -> None:
        assert utterance.end is not None, "an utterance is published when it is over"
        watch = self._watches.pop(utterance.turn)
        watch.final = now
        if utterance.settled is not None:
            watch.queue_ms, watch.decode_ms = utterance.settled.queue_ms, utterance.settled.decode_ms
        if utterance.failed:
            self._tell(Emit(events.Fault.of(RecognitionFailed())))
        words = tuple(utterance.words())
        text = text_of(words)
        language = self._language(utterance)
        told = "" if language == AUTO_LANGUAGE or not words else language
        final = events.FinalTranscript(utterance.turn, text, words, utterance.start, utterance.end, told)
        self._tell(Emit(final))
        self._conversation.language = language_of(language)
        self._conversation.receive_final(text, utterance.voiced_ms, watch, now, more=not self.idle)


def _given(command: commands.Configure, *names: str) -> dict[str, Any]:
    """The knobs among `names` that the command sets."""
    return {name: value for name in names if (value := getattr(command, name)) is not None}
