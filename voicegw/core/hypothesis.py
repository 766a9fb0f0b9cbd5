"""What is shown of an utterance while it is still being spoken: a stable prefix and a tentative tail.

Local agreement (LocalAgreement-n; Liu et al. 2020, Machacek et al. 2023): a word becomes stable when the
last n decodes agree on it and on everything before it. The last words of a decode stand at the edge of
the audio, where a recogniser guesses, and are never made stable. What is stable is frozen letter for
letter: a later decode that disagrees is joined on behind it, so that neither partials nor the final ever
take a stable word back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from voicegw.core.jobs import Word
from voicegw.core.options import option


@dataclass(frozen=True, slots=True)
class HypothesisOptions:
    """When a shown word becomes stable."""

    agreement: int = option(2, "decodes that must agree on a word before it is stable", ge=2, le=5)
    edge_words: int = option(1, "words at the end of a decode that never become stable", ge=0, le=5)


class Hypothesis:
    """The words of one utterance so far."""

    def __init__(self, options: HypothesisOptions) -> None:
        self._options = options
        self.stable: list[Word] = []
        self.tentative: list[Word] = []
        self._tails: list[list[Word]] = []  # the last decodes' words behind the stable ones

    def update(self, words: Sequence[Word]) -> None:
        """Takes in a decode of the whole utterance so far."""
        tail = list(words[continuation(self.stable, words) :])
        self._tails = [*self._tails, tail][-self._options.agreement :]
        agreed = self._agreed()
        self.stable += tail[:agreed]
        self.tentative = tail[agreed:]
        self._tails = [earlier[agreed:] for earlier in self._tails]

    def _agreed(self) -> int:
        """How many words at the head of the tails may become stable."""
        if len(self._tails) < self._options.agreement:
            return 0
        shortest = min(len(tail) for tail in self._tails)
        limit = min(shortest, len(self._tails[-1]) - self._options.edge_words)
        for index in range(limit):
            if len({tail[index].text for tail in self._tails}) > 1:
                return index
        return max(0, limit)

    def settle(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The final words: those of the last decode, with the stable ones kept as they were shown."""
        return (*self.stable, *words[continuation(self.stable, words) :])


def continuation(stable: Sequence[Word], words: Sequence[Word]) -> int:
    """Where a new decode goes on behind the stable words: the index into `words`.

    The prefix of `words` with the least edit distance to `stable`, compared without case and punctuation;
    of equals, one that ends in the same word, so that none is shown twice, and then the one nearest in
    length. One row of Wagner and Fischer's table (1974) is kept at a time.
    """
    old, new = [_plain(word) for word in stable], [_plain(word) for word in words]
    row = list(range(len(new) + 1))
    for count, token in enumerate(old, start=1):
        above, row = row, [count]
        for index, other in enumerate(new, start=1):
            row.append(min(above[index - 1] + (token != other), above[index] + 1, row[index - 1] + 1))

    def unlikeness(index: int) -> tuple[int, bool, int]:
        return row[index], new[:index][-1:] != old[-1:], abs(index - len(old))

    return min(range(len(row)), key=unlikeness)


def _plain(word: Word) -> str:
    return "".join(letter for letter in word.text.casefold() if letter.isalnum())
