"""What was said just before an utterance: its audio goes into the window of the next final decode.

Speakers pause within sentences, and a piece of one second is hard to recognise by itself: "acoustic corpus"
is found in "than the | acoustic corpus", not alone. So a final decode hears the last seconds before its
utterance again, with the pause between. The words that were already told are then taken off its result.
"""

from collections.abc import Sequence

import msgspec

from voicegw.core.audio import to_samples
from voicegw.core.hypothesis import TIME_SLACK, continuation
from voicegw.core.jobs import DecodeKind, Word
from voicegw.core.utterance import RecognitionOptions, Utterance

_LONGEST_WINDOW = to_samples(28_000)  # with 2 s of silence behind it, as long as models take


class DecodeContext(msgspec.Struct, array_like=True):
    """Utterances that followed each other closely. Positions are session samples.

    start, end: of the first and the last of them. words: what was told of them, in order.
    """

    start: int
    end: int
    words: list[Word]

    def append(self, end: int, words: Sequence[Word]) -> None:
        """The next utterance, up to its end."""
        self.end = end
        self.words = [*self.words, *words]

    def forget(self, before: int) -> None:
        """Drops the words that begin before a sample, and the audio up to the middle of the gap in front of
        the first word that stays."""
        if self.start >= before:
            return
        kept = next((index for index, word in enumerate(self.words) if word.start >= before), len(self.words))
        previous_end = self.words[kept - 1].end if kept else before
        self.words = self.words[kept:]
        next_start = self.words[0].start if self.words else self.end
        self.start = max(before, (previous_end + next_start) // 2)

    def strip(self, words: Sequence[Word], boundary: int) -> tuple[Word, ...]:
        """The words of a decode that began with this context, without those that were told before. What
        clearly lies before the last of them is always taken off, and what begins behind `boundary`, the
        sample where the utterance begins, never."""
        index = continuation(self.words, words)
        if self.words:
            index = max(index, sum(word.end < self.words[-1].end - TIME_SLACK for word in words))
        return tuple(words[min(index, sum(word.start < boundary for word in words)) :])


class DecodeContextTracker(msgspec.Struct, array_like=True):
    """The last utterances, while they are context for the next one. latest: None when there are none."""

    latest: DecodeContext | None = None

    def expire(self, position: int, options: RecognitionOptions) -> None:
        """After a long silence, what was said before it is no context any more."""
        if self.latest is not None and position - self.latest.end > to_samples(options.context_gap_ms):
            self.latest = None

    def remember(self, utterance: Utterance, options: RecognitionOptions) -> None:
        """An utterance was told to its end."""
        assert utterance.end is not None, "what was told is over"
        if utterance.failed:
            self.latest = None  # its audio may be what workers die of
            return
        if self.latest is None:
            self.latest = DecodeContext(utterance.start, utterance.end, [])
        self.latest.append(utterance.end, utterance.words())
        self.latest.forget(utterance.end - to_samples(options.context_ms))

    def before(
        self, utterance: Utterance, kind: DecodeKind, until: int, kept_from: int, options: RecognitionOptions
    ) -> DecodeContext | None:
        """What the window of a decode of the utterance begins with, if there is any; the window ends at
        `until`, and the audio is kept from `kept_from` on. A partial's window stays short: it has as much
        context as leaves room for its own audio."""
        gap = to_samples(options.context_gap_ms)
        if self.latest is None or utterance.start - self.latest.end > gap:
            return None
        if utterance.remainder is not None or utterance.window_start > utterance.start:
            return None  # its own words are context enough
        context = msgspec.structs.replace(self.latest)
        counted_from = until if kind is DecodeKind.PARTIAL else utterance.start
        earliest = max(counted_from - to_samples(options.context_ms), until - _LONGEST_WINDOW)
        context.forget(max(earliest, kept_from))
        return context if context.start < utterance.start else None
