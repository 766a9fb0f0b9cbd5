"""One utterance: its words so far, and which decode of which window is due.

A partial decode is due when enough new speech has arrived since the last decode. A final decode is due at a
pause and at the end, unless the one at the pause already covered all speech: then the utterance has its final
without another decode.

A model that was trained on single utterances, and so uses no context, often stops at a pause and omits the
speech after it. If the last word of its final decode ends before the speech continued, the remaining audio is
decoded separately and its words are appended. Stock models do not stop there; what they omit is "um". But a
decode may write only so much text, which is 10 s of speech in some scripts: the rest is decoded likewise.

A decode that fails removes no words: those of an earlier final decode stay.
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
    """When a running utterance is decoded and its words become stable."""

    partial_interval_ms: int = option(250, "new speech between two partial decodes", ge=100, le=5000)
    trim_after_ms: int = option(
        10_000, "window length from which stable words are removed", ge=2000, le=28_000
    )
    context_ms: int = option(5000, "audio before an utterance that is decoded again with it", ge=0, le=10_000)
    context_gap_ms: int = option(
        2000, "silence after which earlier utterances are no context", ge=0, le=10_000
    )
    key_terms: tuple[str, ...] = option((), "names and technical terms that are likely to be spoken")

    def __post_init__(self) -> None:
        """Raises ValueError for invalid key terms."""
        check_key_terms(self.key_terms)


_BEFORE_REMAINDER = to_samples(300)  # audio before the speech in the decode of a remainder


class Remainder(msgspec.Struct, frozen=True, array_like=True):
    """Speech that a final decode omitted and that is decoded separately. voice: its first voiced sample.
    start: the first sample of its window. words: the words before it."""

    voice: int
    start: int
    words: tuple[Word, ...]


class Utterance(msgspec.Struct, array_like=True):
    """Positions are session samples.

    start: its first sample, with the pre-roll. window_start: the first sample that is still decoded.
    speech_start, speech_end: its first voiced sample, and the last one so far. decoded_until: the end of the
    last decoded window. shown: the stable and the tentative text that the client received last. end: the
    position after its last sample, once it has ended. final_decode: the last final decode. language: of the
    last decode with words, ISO 639-1; empty where it is unknown. resumed: where the speech continued after
    each pause. decided_until, failed_until: the end of the window of the last final decode that succeeded or
    failed. urgent: the client waits for its final, or may do so at any time in this pause.
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
    final_decode: DecodeResult | None = None
    language: str = ""
    resumed: list[int] = []
    remainder: Remainder | None = None
    decided_until: int = 0
    failed_until: int = 0
    urgent: bool = False

    @property
    def complete(self) -> bool:
        """Whether the utterance has ended and needs no further decode."""
        return self.end is not None and (self.covered or self.failed)

    @property
    def failed(self) -> bool:
        """Whether the final decode of all its speech failed."""
        return not self.covered and self.failed_until >= self.speech_end

    @property
    def covered(self) -> bool:
        """Whether a final decode covers all its speech."""
        return self.final_decode is not None and self.decided_until >= self.speech_end

    @property
    def retried(self) -> bool:
        """Whether its next final decode may take the time to decode text again that looks wrong. While the
        client may wait for the final at any time, that is a second decode: there is a text until it ends."""
        return not self.urgent or (self.end is None and self.covered)

    @property
    def _is_doubted(self) -> bool:
        """Whether the words of its pause look wrong, and there is time to decode them again."""
        return self.end is None and self.final_decode is not None and self.final_decode.suspicious

    @property
    def fixed_until(self) -> int:
        """No split is possible before this sample: the words are stable, or a final decode covers them."""
        stable = self.hypothesis.stable
        return max(self.decided_until, stable[-1].end if stable else self.start)

    @property
    def awaited(self) -> bool:
        """Whether it has ended and the client waits for its final."""
        return self.urgent and self.end is not None

    def missing_pre_roll(self, wanted: int) -> int:
        """How many samples of the `wanted` pre-roll are missing, because it begins with the session or right
        after a commit or a split; 0 once its window is trimmed."""
        lacks = max(0, wanted - (self.speech_start - self.start))
        return lacks if self.window_start == self.start else 0

    def due(self, position: int, interval: int) -> DecodeKind | None:
        """The kind of decode that is due for the window from `window_start` to `position` (or `end`), if
        any."""
        if self.end is not None or self.paused:
            done = (self.covered and not self._is_doubted) or self.failed_until >= self.speech_end
            return None if done else DecodeKind.FINAL
        new_speech = self.speech_end > self.decoded_until
        return DecodeKind.PARTIAL if new_speech and position - self.decoded_until >= interval else None

    def receive(self, result: DecodeResult, kind: DecodeKind, until: int, options: HypothesisOptions) -> None:
        """Adds the decode of the window that ended at `until`."""
        self.decoded_until = until
        self.hypothesis.update(result.words, until, options, paused=kind is DecodeKind.FINAL)
        if result.words:
            self.language = result.language
        if kind is DecodeKind.FINAL:
            self._receive_final(result, until)

    def _receive_final(self, result: DecodeResult, until: int) -> None:
        before, self.remainder = self.remainder, self._remainder_after(result, until)
        self.final_decode = result
        if self.remainder is None or (before is not None and self.remainder.voice <= before.voice):
            self.decided_until, self.remainder = until, None

    def _remainder_after(self, result: DecodeResult, until: int) -> Remainder | None:
        """The speech after a pause that has no words in the result, or after the last word of a result that
        is cut; None while the speaker continues."""
        if not (self.paused or self.end is not None):
            return None
        words = result.words
        words_end = words[-1].end if words else self.window_start
        if result.cut:
            return Remainder(words_end, words_end, words)
        if not result.context_dropped:
            return None
        voice = next((position for position in self.resumed if words_end <= position < until), None)
        return None if voice is None else Remainder(voice, max(words_end, voice - _BEFORE_REMAINDER), words)

    def resume(self, at: int) -> None:
        """The speech continues after a pause."""
        self.paused, self.urgent, self.remainder = False, False, None
        self.resumed.append(at)

    def trim(self, longest: int) -> None:
        """Removes stable words from a running window of more than `longest` samples, and from any window
        whose final the client waits for."""
        is_long = self.decoded_until - self.window_start > longest
        if self.awaited or (is_long and self.end is None and not self.paused):
            start = self.hypothesis.trim()
            if start is not None:
                self.window_start = max(self.window_start, start)

    def receive_failure(self, kind: DecodeKind, until: int) -> None:
        """The decode of the window that ended at `until` failed. A partial becomes due again later. If the
        decode of a remainder fails, the final decode before it is enough."""
        self.decoded_until = until
        if kind is DecodeKind.FINAL and self.remainder is not None:
            self.decided_until, self.remainder = until, None
        elif kind is DecodeKind.FINAL:
            self.failed_until = until

    @property
    def voiced_ms(self) -> int:
        """The time from its first voiced sample to its last one so far."""
        return to_ms(self.speech_end - self.speech_start)

    def words(self) -> Sequence[Word]:
        """The final words: the stable ones, then those of the last successful final decode."""
        return self.hypothesis.final_words(self.final_decode.words if self.final_decode else ())
