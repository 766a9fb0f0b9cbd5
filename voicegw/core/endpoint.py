"""The endpointer: finds utterance boundaries in speech scores, with a state table.

An utterance begins with an onset, enough voiced windows in a row; fewer are a click. It pauses after a short
silence, when a final decode may be tried early, and ends after a long silence. It also ends on request, or at
its maximum length. Inside a pause, too, only an onset is speech: a single voiced window does not restart the
silence.

The long silence is shorter after a complete sentence and longer after an incomplete one (completeness.py).
Where an end-of-turn model listens (asr/end_of_turn.py), its probability decides instead, except after an
incomplete sentence. If neither decides, the silence is `end_silence_ms`. The other lengths depend on it
unless they are set: with 2 s, every utterance ends after about 2 s of silence.

While the words before the pause are still being recognised, the silence is that after an incomplete sentence:
the final needs them anyway, and so a slow recogniser does not cut a sentence.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec

from voicegw.core.audio import WINDOW_SAMPLES, Pcm, to_samples
from voicegw.core.completeness import Completeness
from voicegw.core.options import option
from voicegw.core.state_machine import transition

_SHORTEST_SPLIT_MS = 500  # of speech, however short the maximum length is


class SpeechScorer(Protocol):
    """Scores how likely a window of 20 ms contains speech. It is stateful: each session has its own."""

    def score(self, window: Pcm) -> float:
        """The probability of speech, 0 to 1, in the next WINDOW_SAMPLES samples at 16 kHz."""
        ...


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """When an utterance begins and ends."""

    threshold: float = option(0.5, "score from which a window counts as voiced", ge=0.0, le=1.0)
    onset_ms: int = option(40, "voiced time that begins an utterance", ge=20, le=300)
    pause_ms: int = option(160, "silence after which a final decode is tried early", ge=40, le=5000)
    end_silence_ms: int = option(500, "silence that ends an utterance", ge=100, le=5000)
    adaptive: bool = option(True, "adapt the end silence to the words so far")
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
        """The end silence after a complete sentence."""
        return min(self.end_silence_ms, self.min_end_silence_ms or max(400, self.end_silence_ms - 100))

    @property
    def unfinished_ms(self) -> int:
        """The end silence after an incomplete sentence."""
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
    """A boundary found in a window."""

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


class Endpointer(msgspec.Struct, array_like=True):
    """Finds the utterances in the scores of one session.

    position: the number of samples received. speech_start, speech_end: the first and, so far, the last voiced
    sample of the running or last utterance. completeness: how complete its words are, once they are known.
    end_of_turn: the probability that its speaker has finished, from a model that listens; None where there is
    none. voiced_run: how many samples in a row were voiced up to `position`. manual: silence ends no
    utterance. words_due: the words before the pause are being recognised.
    """

    options: EndpointOptions
    position: int = 0
    speech_start: int = 0
    speech_end: int = 0
    completeness: Completeness = Completeness.UNDECIDED
    end_of_turn: float | None = None
    state: State = State.SILENT
    voiced_run: int = 0
    manual: bool = False
    words_due: bool = False

    @property
    def open(self) -> bool:
        """Whether an utterance is running."""
        return self.state is not State.SILENT

    @property
    def paused(self) -> bool:
        """Whether the running utterance is in a pause."""
        return self.state is State.PAUSED

    @property
    def voice_start(self) -> int:
        """The first sample of the current run of voiced windows."""
        return self.position - self.voiced_run

    @property
    def end_silence_ms(self) -> int:
        """The silence that ends the running utterance, given its words so far."""
        options = self.options
        if options.adaptive and (self.words_due or self.completeness is Completeness.UNFINISHED):
            return options.unfinished_ms
        if options.adaptive and self.end_of_turn is not None and self.end_of_turn < options.likely_end:
            return options.unlikely_ms
        if options.adaptive and (self.end_of_turn is not None or self.completeness is Completeness.FINISHED):
            return options.finished_ms
        return options.end_silence_ms

    @property
    def too_long(self) -> bool:
        """Whether the running utterance has reached its maximum length."""
        voiced_ms = max(_SHORTEST_SPLIT_MS, self.options.max_utterance_ms - self.options.pre_roll_ms)
        return self.open and self.position - self.speech_start >= to_samples(voiced_ms)

    def receive(self, score: float) -> Boundary | None:
        """Processes the score of the next window, and returns the boundary in it, if there is one."""
        self.position += WINDOW_SAMPLES
        self.voiced_run = self.voiced_run + WINDOW_SAMPLES if score >= self.options.threshold else 0
        if self.voiced_run >= to_samples(self.options.onset_ms):
            if not self.open:
                self.speech_start = self.position - self.voiced_run
            self.speech_end = self.position
            self.completeness, self.end_of_turn, self.words_due = Completeness.UNDECIDED, None, False
            return self._signal(Signal.ONSET)
        if self.voiced_run:
            return None  # speech or a click: an end here would split the speech
        return self._receive_quiet(self.position - self.speech_end)

    def receive_words(self, completeness: Completeness, end_of_turn: float | None) -> Boundary | None:
        """The words before the pause are known. Returns the end of the utterance, if the silence is already
        long enough for them."""
        self.completeness, self.end_of_turn, self.words_due = completeness, end_of_turn, False
        return None if self.voiced_run else self._receive_quiet(self.position - self.speech_end)

    def _receive_quiet(self, silence: int) -> Boundary | None:
        if self.state is State.SPEAKING and silence >= to_samples(self.options.pause_ms):
            return self._signal(Signal.PAUSE)
        if self.state is State.PAUSED and not self.manual and silence >= to_samples(self.end_silence_ms):
            return self._signal(Signal.END)
        return None

    def split(self, at: int) -> None:
        """Ends the running utterance at this sample, where the next one begins."""
        self.speech_start = at

    def force(self) -> None:
        """Ends the running utterance now; the next one needs a new onset. Raises IllegalSignal when no
        utterance is running."""
        self._signal(Signal.FORCE)
        self.voiced_run = 0

    def _signal(self, signal: Signal) -> Boundary | None:
        self.state, boundary = transition(TABLE, self.state, signal)
        return boundary
