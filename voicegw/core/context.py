"""What was said just before an utterance: its audio goes into the window of the next final decode.

Speakers pause within sentences, and a piece of one second is hard to recognise by itself: "acoustic corpus"
is found in "than the | acoustic corpus", not alone. So a final decode hears the last seconds before its
utterance again, with the pause between. The words that were already told are then taken off its result.
"""

from collections.abc import Sequence

import msgspec

from voicegw.core.hypothesis import TIME_SLACK, continuation
from voicegw.core.jobs import Word


class Context(msgspec.Struct, array_like=True):
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
