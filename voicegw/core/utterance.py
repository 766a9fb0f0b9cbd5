"""One utterance on its way from the first voiced sample to its final: its words so far, and which decode
of which window is due, and why.

A partial is due when enough new speech has come since the last decode. A final is due at a pause, ahead
of time, and at the end, unless the one tried at the pause already heard everything that was voiced: then
the utterance is settled with no further decode.

A model that knows single utterances only, and so no context, often stops at a pause and leaves out what
follows. When the last word of its final decode ends before the voice went on, the audio from there on is
decoded by itself, and the words are added. Stock models do not stop there, and what they leave out is "um".

A decode that fails takes no words away: what an earlier final decode heard stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from voicegw.core.audio import to_ms, to_samples
from voicegw.core.hypothesis import Hypothesis, HypothesisOptions
from voicegw.core.jobs import DecodeKind, DecodeResult, Word
from voicegw.core.key_term_limits import check_key_terms
from voicegw.core.options import option


@dataclass(frozen=True, slots=True)
class RecognitionOptions(HypothesisOptions):
    """How often a running utterance is decoded, when its words are stable, and which are likely. Raises
    ValueError for key terms that cannot be any."""

    partial_interval_ms: int = option(250, "new speech between two partial decodes", ge=100, le=5000)
    trim_after_ms: int = option(
        10_000, "window length from which stable words are cut off", ge=2000, le=28_000
    )
    context_ms: int = option(
        5000, "audio before an utterance that its final decode hears again", ge=0, le=10_000
    )
    context_gap_ms: int = option(
        2000, "silence after which what was said before is no context", ge=0, le=10_000
    )
    key_terms: tuple[str, ...] = option((), "names and words of a trade that are likely to be said")

    def __post_init__(self) -> None:
        check_key_terms(self.key_terms)


_BEFORE_REMAINDER = to_samples(300)  # audio in front of the voice that a decode of the rest hears


class Remainder(msgspec.Struct, frozen=True, array_like=True):
    """What a final decode left out: the voice that went on at the sample `voice`, to be decoded from `start`
    on. words: those before it."""

    voice: int
    start: int
    words: tuple[Word, ...]


class Utterance(msgspec.Struct, array_like=True):
    """Positions are session samples.

    start: the first sample that belongs to it, pre-roll included. speech_start: its first voiced sample.
    window_start: the first one that is still
    decoded. speech_end: its last voiced sample so far. heard_until: the end of the last decoded window.
    shown: the stable and the tentative text that the client was last told. end: the position after its last
    sample, once it is over. settled: the last final decode. language: that the last decode with words was
    in, as an ISO 639-1 code; empty where it is not known. resumed: where the voice went on after each pause.
    rest: what is still to be decoded by itself.
    """

    turn: int
    start: int
    window_start: int
    speech_start: int
    speech_end: int
    decoded_until: int
    hypothesis: Hypothesis = msgspec.field(default_factory=Hypothesis)
    paused: bool = False
    shown: tuple[str, str] = ("", "")
    end: int | None = None
    settled: DecodeResult | None = None
    language: str = ""
    resumed: list[int] = []
    remainder: Remainder | None = None
    decided_until: int = 0
    failed_until: int = 0

    @property
    def complete(self) -> bool:
        """Whether the utterance is over and no further decode can tell more about it."""
        return self.end is not None and (self.covered or self.failed)

    @property
    def failed(self) -> bool:
        """Whether the final decode of everything that was voiced was given up."""
        return not self.covered and self.failed_until >= self.speech_end

    @property
    def covered(self) -> bool:
        """Whether a final decode has heard everything that was voiced."""
        return self.settled is not None and self.decided_until >= self.speech_end

    @property
    def fixed_until(self) -> int:
        """What was said before this belongs to it for good: it is stable, or has had a final decode."""
        stable = self.hypothesis.stable
        return max(self.decided_until, stable[-1].end if stable else self.start)

    def missing_pre_roll(self, wanted: int) -> int:
        """The part of the pre-roll that it lacks when it begins with the session, or right behind a commit or
        a cut, while its window holds its begin. Before it there may be context, of a model that may do
        without."""
        lacks = max(0, wanted - (self.speech_start - self.start))
        return lacks if self.window_start == self.start else 0

    def due(self, position: int, interval: int) -> DecodeKind | None:
        """Which decode of the window from `window_start` to `position` (or `end`) is due, if any."""
        if self.end is not None or self.paused:
            return None if self.covered or self.failed else DecodeKind.FINAL
        new_speech = self.speech_end > self.decoded_until
        return DecodeKind.PARTIAL if new_speech and position - self.decoded_until >= interval else None

    def receive(self, result: DecodeResult, kind: DecodeKind, until: int, options: HypothesisOptions) -> None:
        """Takes in the decode of the window that ended at `until`."""
        self.decoded_until = until
        self.hypothesis.update(result.words, until, options, paused=kind is DecodeKind.FINAL)
        if result.words:
            self.language = result.language
        if kind is DecodeKind.FINAL:
            self._settle(result, until)

    def _settle(self, result: DecodeResult, until: int) -> None:
        before, self.remainder = self.remainder, self._left_out(result, until)
        self.settled = result
        if self.remainder is None or (before is not None and self.remainder.voice <= before.voice):
            self.decided_until, self.remainder = until, None

    def _left_out(self, result: DecodeResult, until: int) -> Remainder | None:
        """What follows a pause without any word from there on; nothing while the speaker goes on."""
        if not result.context_dropped or not (self.paused or self.end is not None):
            return None
        words = result.words
        told_until = words[-1].end if words else self.window_start
        voice = next((position for position in self.resumed if told_until <= position < until), None)
        return None if voice is None else Remainder(voice, max(told_until, voice - _BEFORE_REMAINDER), words)

    def resume(self, at: int) -> None:
        """The voice goes on after a pause."""
        self.paused, self.remainder = False, None
        self.resumed.append(at)

    def trim(self, longest: int) -> None:
        """Cuts stable words off a running window of more than `longest` samples."""
        if self.end is None and not self.paused and self.decoded_until - self.window_start > longest:
            start = self.hypothesis.trim()
            if start is not None:
                self.window_start = max(self.window_start, start)

    def receive_failure(self, kind: DecodeKind, until: int) -> None:
        """The decode of that window was given up; a partial is simply asked for again later. Without the rest
        the final decode before it is enough."""
        self.decoded_until = until
        if kind is DecodeKind.FINAL and self.remainder is not None:
            self.decided_until, self.remainder = until, None
        elif kind is DecodeKind.FINAL:
            self.failed_until = until

    @property
    def voiced_ms(self) -> int:
        """From its first voiced sample to its last one so far."""
        return to_ms(self.speech_end - self.speech_start)

    def words(self) -> Sequence[Word]:
        """The final words: those of the last final decode that did not fail, behind the stable ones."""
        return self.hypothesis.final_words(self.settled.words if self.settled else ())
