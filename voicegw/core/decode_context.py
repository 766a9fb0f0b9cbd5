"""Decode context: the audio of the previous utterances is decoded again with the next one.

Speakers pause within sentences, and one second of speech is hard to recognise alone: "acoustic corpus" is
recognised in "than the | acoustic corpus", but not by itself. So the window of a final decode also contains
the last seconds before the utterance. Words that were already sent are removed from the result.
"""

from collections.abc import Sequence

import msgspec

from voicegw.core.audio import to_samples
from voicegw.core.hypothesis import TIME_SLACK, continuation, words_from
from voicegw.core.jobs import DecodeKind, Word
from voicegw.core.utterance import RecognitionOptions, Utterance

_LONGEST_WINDOW = to_samples(28_000)  # with 2 s of silence after it, the longest input of models


class DecodeContext(msgspec.Struct, array_like=True):
    """Consecutive utterances with short pauses between them. Positions are session samples.

    start: of the first utterance. end: of the last one. words: their final words, in order.
    """

    start: int
    end: int
    words: list[Word]

    def append(self, end: int, words: Sequence[Word]) -> None:
        """Adds the next utterance, which ends at `end`."""
        self.end = end
        self.words = [*self.words, *words]

    def drop_before(self, position: int) -> None:
        """Drops the words that begin before `position`, and the audio up to the middle of the gap before the
        first word that is kept."""
        if self.start >= position:
            return
        kept = next(
            (index for index, word in enumerate(self.words) if word.start >= position), len(self.words)
        )
        previous_end = self.words[kept - 1].end if kept else position
        self.words = self.words[kept:]
        next_start = self.words[0].start if self.words else self.end
        self.start = max(position, (previous_end + next_start) // 2)

    def strip(self, words: Sequence[Word], boundary: int) -> tuple[Word, ...]:
        """The words of a decode that began with this context, without the words of the context. Words that
        end clearly before the last word of the context are always removed; words that begin after `boundary`,
        the first sample of the utterance, never. A word that the alignment lets begin in the pause before the
        utterance begins with it."""
        index = continuation(self.words, words)
        if self.words:
            index = max(index, sum(word.end < self.words[-1].end - TIME_SLACK for word in words))
        index = min(index, sum(word.start < boundary for word in words))
        own = words_from(index, words, self.words, same_text=False)
        return tuple(
            msgspec.structs.replace(word, start=max(word.start, boundary)) if word.end > boundary else word
            for word in own
        )


class DecodeContextTracker(msgspec.Struct, array_like=True):
    """The last utterances, while they are context for the next one. latest: None when there are none."""

    latest: DecodeContext | None = None

    def expire(self, position: int, options: RecognitionOptions) -> None:
        """Drops the context after a long silence."""
        if self.latest is not None and position - self.latest.end > to_samples(options.context_gap_ms):
            self.latest = None

    def remember(self, utterance: Utterance, options: RecognitionOptions) -> None:
        """Adds an utterance whose final was sent."""
        assert utterance.end is not None, "an utterance with a final has ended"
        if utterance.failed:
            self.latest = None  # its audio may make workers crash
            return
        if self.latest is None:
            self.latest = DecodeContext(utterance.start, utterance.end, [])
        self.latest.append(utterance.end, utterance.words())
        self.latest.drop_before(utterance.end - to_samples(options.context_ms))

    def before(
        self, utterance: Utterance, kind: DecodeKind, until: int, kept_from: int, options: RecognitionOptions
    ) -> DecodeContext | None:
        """The context with which the window of a decode of the utterance begins; None if there is none. The
        window ends at `until`; the audio before `kept_from` was dropped. Where words have to be there soon (a
        partial, an urgent utterance), context and utterance together are limited to the length of a context,
        so that the window stays short."""
        gap = to_samples(options.context_gap_ms)
        if self.latest is None or utterance.start - self.latest.end > gap:
            return None
        if utterance.remainder is not None or utterance.window_start > utterance.start:
            return None  # its own words are enough context
        context = msgspec.structs.replace(self.latest)
        is_short = kind is DecodeKind.PARTIAL or utterance.urgent
        counted_from = until if is_short else utterance.start
        earliest = max(counted_from - to_samples(options.context_ms), until - _LONGEST_WINDOW)
        context.drop_before(max(earliest, kept_from))
        return context if context.start < utterance.start else None
