"""Speech scores in, utterance boundaries out: a table over run lengths of voiced and quiet windows.

An utterance begins when enough windows in a row are voiced (an onset; shorter bursts are clicks), is
paused after a short silence, which is when a final decode may be tried ahead of time, and ends after a
long one. It also ends when told to, or when it reaches its maximum length.

Only an onset counts as voice inside a pause, too: one stray window does not restart the silence.

How long the long silence is depends on the words: it is shorter after a finished sentence and longer after
one that must go on (completeness.py). Where a model listens as well (asr/end_of_turn.py), what it hears
decides instead, except after words that must go on. While nothing is known, it is `end_silence_ms`, which
the others follow unless they are given: who asks for two seconds gets about two seconds, whatever was said.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec

from voicegw.core.audio import WINDOW_SAMPLES, Pcm, to_samples
from voicegw.core.completeness import Completeness
from voicegw.core.options import option
from voicegw.core.state_machine import StateMachine


class SpeechScorer(Protocol):
    """How likely one 20 ms window holds speech; keeps its own state, so there is one for each session."""

    def score(self, window: Pcm) -> float:
        """0 to 1, for the next WINDOW_SAMPLES samples at 16 kHz."""
        ...


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """When an utterance begins and ends."""

    threshold: float = option(0.5, "score from which a window counts as voiced", ge=0.0, le=1.0)
    onset_ms: int = option(40, "voiced time that begins an utterance", ge=20, le=300)
    pause_ms: int = option(160, "silence after which a final decode is tried ahead of time", ge=40, le=5000)
    end_silence_ms: int = option(500, "silence that ends an utterance", ge=100, le=5000)
    adaptive: bool = option(True, "let the words said so far shorten and lengthen the end silence")
    min_end_silence_ms: int | None = option(
        None,
        "end silence after a finished sentence, if shorter (default: 400, or 100 less than end-silence-ms)",
        ge=100,
        le=5000,
    )
    max_end_silence_ms: int | None = option(
        None,
        "end silence after a comma, an `and` or in a string of digits, if longer "
        "(default: 1000, or 500 more than end-silence-ms)",
        ge=100,
        le=5000,
    )
    unlikely_end_silence_ms: int | None = option(
        None,
        "end silence while the end-of-turn model finds an end unlikely, if longer "
        "(default: 800, or 300 more than end-silence-ms)",
        ge=100,
        le=5000,
    )
    likely_end: float = option(
        0.5, "probability of the end-of-turn model from which an end is likely", ge=0, le=1
    )
    pre_roll_ms: int = option(300, "audio kept from before the onset", ge=300, le=1000)
    max_utterance_ms: int = option(25_000, "length at which an utterance is ended", ge=1000, le=28_000)
    stall_ms: int = option(1500, "wall-clock time without frames that ends an utterance", ge=200, le=60_000)

    @property
    def finished_ms(self) -> int:
        """The end silence after a finished sentence."""
        return min(self.end_silence_ms, self.min_end_silence_ms or max(400, self.end_silence_ms - 100))

    @property
    def unfinished_ms(self) -> int:
        """The end silence after words that must go on."""
        return max(self.end_silence_ms, self.max_end_silence_ms or max(1000, self.end_silence_ms + 500))

    @property
    def unlikely_ms(self) -> int:
        """The end silence while the end-of-turn model finds an end unlikely."""
        return max(self.end_silence_ms, self.unlikely_end_silence_ms or max(800, self.end_silence_ms + 300))


class State(Enum):
    SILENT = "silent"
    SPEAKING = "speaking"
    PAUSED = "paused"


class Signal(Enum):
    ONSET = "onset"
    PAUSE = "short silence"
    END = "long silence"
    FORCE = "forced"


class Boundary(Enum):
    """What the caller is told."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    ENDED = "ended"


TABLE = {
    (State.SILENT, Signal.ONSET): (State.SPEAKING, Boundary.STARTED),
    (State.SPEAKING, Signal.ONSET): (State.SPEAKING, None),
    (State.SPEAKING, Signal.PAUSE): (State.PAUSED, Boundary.PAUSED),
    (State.SPEAKING, Signal.FORCE): (State.SILENT, Boundary.ENDED),
    (State.PAUSED, Signal.ONSET): (State.SPEAKING, Boundary.RESUMED),
    (State.PAUSED, Signal.END): (State.SILENT, Boundary.ENDED),
    (State.PAUSED, Signal.FORCE): (State.SILENT, Boundary.ENDED),
}


class EndpointerState(msgspec.Struct, array_like=True):
    """What an endpointer knows, for another process to go on with."""

    options: EndpointOptions
    position: int
    speech_start: int
    speech_end: int
    completeness: Completeness
    state: State
    voiced_run: int
    end_of_turn: float | None = None


class Endpointer:
    """Finds the utterances in one session's scores.

    position: the session's clock in samples. speech_start, speech_end: where the voice of the running or
    last utterance began and, so far, ended. completeness: how finished its words sound, when they are known.
    end_of_turn: the probability that its speaker has finished, when a model has told it.
    """

    def __init__(self, options: EndpointOptions) -> None:
        self.options = options
        self.position = 0
        self.speech_start = 0
        self.speech_end = 0
        self.completeness = Completeness.UNDECIDED
        self.end_of_turn: float | None = None
        self._machine: StateMachine[State, Signal, Boundary] = StateMachine(TABLE, State.SILENT)
        self._voiced_run = 0

    def snapshot(self) -> EndpointerState:
        """All it knows."""
        return EndpointerState(
            *(self.options, self.position, self.speech_start, self.speech_end),
            *(self.completeness, self._machine.state, self._voiced_run, self.end_of_turn),
        )

    def restore(self, state: EndpointerState) -> None:
        """Goes on where another endpointer was."""
        self.options, self.position = state.options, state.position
        self.speech_start, self.speech_end = state.speech_start, state.speech_end
        self.completeness, self._voiced_run = state.completeness, state.voiced_run
        self._machine.state, self.end_of_turn = state.state, state.end_of_turn

    @property
    def open(self) -> bool:
        """Whether an utterance is running."""
        return self._machine.state is not State.SILENT

    @property
    def paused(self) -> bool:
        """Whether the speaker of the running utterance pauses."""
        return self._machine.state is State.PAUSED

    @property
    def voice_start(self) -> int:
        """Where the voice that is heard now began, or went on after a pause."""
        return self.position - self._voiced_run

    @property
    def end_silence_ms(self) -> int:
        """The silence that ends the running utterance, after what it has said so far."""
        options = self.options
        if options.adaptive and self.completeness is Completeness.UNFINISHED:
            return options.unfinished_ms
        if options.adaptive and self.end_of_turn is not None and self.end_of_turn < options.likely_end:
            return options.unlikely_ms
        if options.adaptive and (self.end_of_turn is not None or self.completeness is Completeness.FINISHED):
            return options.finished_ms
        return options.end_silence_ms

    @property
    def too_long(self) -> bool:
        """Whether the running utterance has reached its maximum length."""
        length = self.position - self.speech_start + to_samples(self.options.pre_roll_ms)
        return self.open and length >= to_samples(self.options.max_utterance_ms)

    def receive(self, score: float) -> Boundary | None:
        """Takes in the score of the next window."""
        self.position += WINDOW_SAMPLES
        self._voiced_run = self._voiced_run + WINDOW_SAMPLES if score >= self.options.threshold else 0
        if self._voiced_run >= to_samples(self.options.onset_ms):
            if not self.open:
                self.speech_start = self.position - self._voiced_run
            self.speech_end = self.position
            self.completeness, self.end_of_turn = Completeness.UNDECIDED, None
            return self._machine.signal(Signal.ONSET)
        if self._voiced_run:
            return None  # too soon to tell a voice, which an end here would cut in two, from a click
        return self._receive_quiet(self.position - self.speech_end)

    def _receive_quiet(self, silence: int) -> Boundary | None:
        state = self._machine.state
        if state is State.SPEAKING and silence >= to_samples(self.options.pause_ms):
            return self._machine.signal(Signal.PAUSE)
        if state is State.PAUSED and silence >= to_samples(self.end_silence_ms):
            return self._machine.signal(Signal.END)
        return None

    def split(self, at: int) -> None:
        """The running utterance ended at this sample, and the voice that goes on begins the next one."""
        self.speech_start = at

    def force(self) -> None:
        """Ends the running utterance now; a voice that goes on needs a new onset to begin the next one.

        Raises IllegalSignal when none is running.
        """
        self._machine.signal(Signal.FORCE)
        self._voiced_run = 0
