"""The hypothesis of a running utterance: a stable prefix and a tentative tail.

A word becomes stable by local agreement (LocalAgreement-n; Liu et al. 2020, Machacek et al. 2023): when the
last n decodes agree on it and on all words before it. The last word of a decode is at the edge of the audio,
where recognisers guess: it never becomes stable, and words at the very edge are not shown.

Agreement alone would make errors stable, because decodes of nearly the same audio contain the same errors. So
a word of low probability becomes stable only when enough audio after it was decoded. At the edge, an
improbable word is a guess and not shown.

Stable words never change. If a later decode differs from them, only its words after them are used, so neither
a partial nor the final changes a stable word.

The window of a long utterance is trimmed: it then begins with the last few stable words, which align the next
decode with them. The text before is passed as the prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec
import numpy as np

from voicegw.core.audio import to_samples
from voicegw.core.jobs import Word, text_of
from voicegw.core.options import option
from voicegw.core.text import is_word_character, word_characters

_OVERLAP_WORDS = 3  # stable words that a trimmed window keeps
_PROMPT_CHARACTERS = 200
_COMPARED_WORDS = 150  # more than twice as many as are spoken in 10 s, after which windows are trimmed
TIME_SLACK = to_samples(300)  # how far the times of a word differ between two decodes
_DOUBTFUL_EDGE_MS = 3000  # audio before the window's end whose doubtful words stay tentative
_GUESS = 0.6  # mean token probability below which a word at the edge is a guess
_GUESS_EDGE_MS = 400  # audio before the window's end whose guesses are not shown yet


@dataclass(frozen=True, slots=True)
class HypothesisOptions:
    """When a word is shown, and when it becomes stable."""

    agreement: int = option(2, "decodes that must agree on a word before it is stable", ge=2, le=5)
    doubt: float = option(0.9, "mean token probability below which a word is doubtful", ge=0, le=1)
    shown_edge_ms: int = option(
        100, "audio before the window's end whose words are not shown yet", ge=0, le=2000
    )


class Hypothesis(msgspec.Struct, array_like=True):
    """The words of one utterance so far. Positions are session samples.

    anchor: the index of the first stable word that the window still contains. tails: the words after the
    stable ones, of each of the last decodes.
    """

    stable: list[Word] = []
    tentative: list[Word] = []
    anchor: int = 0
    tails: list[list[Word]] = []

    @property
    def prompt(self) -> str:
        """The text before the window."""
        return text_of(self.stable[: self.anchor])[-_PROMPT_CHARACTERS:]

    @property
    def words(self) -> list[Word]:
        """All words so far."""
        return [*self.stable, *self.tentative]

    def update(self, words: Sequence[Word], until: int, options: HypothesisOptions, *, paused: bool) -> None:
        """Adds a decode of the window that ends at `until`. paused: the speaker pauses, so its last words are
        reliable. In running speech, a decode without words is ignored: usually its text was rejected as
        improbable, and the next decode has words again."""
        if not (words or paused):
            return
        tail = self._after_stable(words)
        self.tails = [*self.tails, tail][-options.agreement :]
        settled = self._agreed(until - to_samples(_DOUBTFUL_EDGE_MS), options)
        self.stable += tail[:settled]
        self.tails = [earlier[settled:] for earlier in self.tails]
        count = len(tail) if paused else _count_shown(tail, until, options)
        self.tentative = tail[settled:count]

    def _agreed(self, edge: int, options: HypothesisOptions) -> int:
        """How many of the first words of the tails become stable. Doubtful words must end before `edge`."""
        if len(self.tails) < options.agreement:
            return 0
        limit = min(*map(len, self.tails), len(self.tails[-1]) - 1)
        for index in range(limit):
            heard = [tail[index] for tail in self.tails]
            doubtful = min(word.probability for word in heard) < options.doubt
            if len({word.text for word in heard}) > 1 or (doubtful and heard[-1].end > edge):
                return index
        return max(0, limit)

    def final_words(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """The final words: the stable ones, then the rest of the last decode, `words`."""
        return (*self.stable, *self._after_stable(words))

    def trim(self) -> int | None:
        """Removes all but the last few stable words from the window. Returns the sample at which the window
        then begins, in the gap before those words; None while too few words are stable."""
        anchor = len(self.stable) - _OVERLAP_WORDS
        if anchor <= self.anchor:
            return None
        self.anchor = anchor
        before, first = self.stable[anchor - 1 : anchor + 1]
        return (before.end + max(before.end, first.start)) // 2

    def _after_stable(self, words: Sequence[Word]) -> list[Word]:
        stable = self.stable[self.anchor :]
        return words_from(continuation(stable, words), words, stable)


def _count_shown(tail: Sequence[Word], until: int, options: HypothesisOptions) -> int:
    """How many of the first words of a decode of running speech are shown."""
    hidden = (
        index
        for index, word in enumerate(tail)
        if _is_at_edge(word, until, options.shown_edge_ms)
        or (word.probability < _GUESS and _is_at_edge(word, until, _GUESS_EDGE_MS))
    )
    return next(hidden, len(tail))


def _is_at_edge(word: Word, until: int, edge_ms: int) -> bool:
    """Whether a word ends in the last `edge_ms` of the window; never if `edge_ms` is 0."""
    return edge_ms > 0 and word.end > until - to_samples(edge_ms)


def continuation(stable: Sequence[Word], words: Sequence[Word]) -> int:
    """The index in `words`, a new decode, of the first word after the stable ones.

    It is the length of the prefix of `words` with the least edit distance to `stable`, without case and
    punctuation (words of punctuation alone are compared unchanged). A word on the wrong side of the end of
    the stable words, in time, counts as an edit, so that words that were recognised differently this time are
    not sent twice. Of equal prefixes, one that ends with the same word is chosen, then the nearest in length.
    The algorithm is that of Wagner and Fischer (1974), with one row in memory. Of very many words, which a
    recogniser in a loop writes, the first are assumed to be equal.
    """
    skipped = max(0, len(stable) - _COMPARED_WORDS)
    compared = words[skipped : skipped + 2 * _COMPARED_WORDS]
    old, new = [_plain(word) for word in stable[skipped:]], [_plain(word) for word in compared]
    distances = _edit_distances(old, new)
    misplaced = _misplaced(compared, stable[-1].end) if stable else [0] * len(distances)

    def unlikeness(index: int) -> tuple[int, bool, int]:
        last = new[max(0, index - 1) : index]
        return distances[index] + misplaced[index], last != old[-1:], abs(index - len(old))

    return min(skipped + min(range(len(distances)), key=unlikeness), len(words))


def words_from(
    index: int, words: Sequence[Word], stable: Sequence[Word], *, same_text: bool = True
) -> list[Word]:
    """The words from `index` on, which come after the stable ones.

    A recogniser joins what it hears more of: "555" becomes "555-1234", "9 5" becomes "95597". Of a first word
    that has grown like this from the last stable ones, only the rest is new. same_text: the rest is written
    directly after the stable words, with the hyphen between them. Else the word is cut only where its rest
    makes sense alone.
    """
    later = list(words[index:])
    if later and not (index and stable and _plain(words[index - 1]) == _plain(stable[-1])):
        known = _grown_from(later[0], stable)
        if known:
            later[0] = _rest(later[0], known, stable[-1].end, same_text=same_text)
    return later


def _grown_from(word: Word, stable: Sequence[Word]) -> int:
    """How many letters and digits of the word are those of the last stable words; 0 if it begins elsewhere,
    in time or in text."""
    text, known, found = _plain(word), "", 0
    for earlier in reversed(stable):
        known = _plain(earlier) + known
        begins = text.startswith(known) and abs(earlier.start - word.start) <= TIME_SLACK
        found = len(known) if begins and known != text else found
    return found


def _rest(word: Word, known: int, start: int, *, same_text: bool) -> Word:
    """The word without its first `known` letters and digits; it begins at `start`."""
    text = word.text
    cuts = (end for end in range(1, len(text)) if len(word_characters(text[:end])) >= known)
    cut = next(cuts, len(text))
    begin = next((place for place in range(cut, len(text)) if is_word_character(text[place])), None)
    if begin is None:  # if the last letter becomes two when case is removed, as in "weis" and "weiß"
        return word
    if not same_text:
        if not (text[begin].isdigit() or "-" in text[cut:begin]):
            return word  # what follows is the end of a word, as in "it's"
        cut = begin
    start = min(word.end, max(word.start, start))
    return msgspec.structs.replace(word, text=text[cut:], start=start, joined=same_text)


def _edit_distances(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """The edit distance from `old` to each prefix of `new`, row by row. Within a row only the cost of
    insertions depends on the neighbour, so it is a running minimum."""
    numbers = {token: number for number, token in enumerate({*old, *new})}
    others = np.array([numbers[token] for token in new], np.int32)
    places = np.arange(len(new) + 1)
    row = places
    for token in old:
        straight = row + 1
        straight[1:] = np.minimum(straight[1:], row[:-1] + (others != numbers[token]))
        row = np.minimum.accumulate(straight - places) + places
    return [int(distance) for distance in row]


def _misplaced(words: Sequence[Word], boundary: int) -> list[int]:
    """For each index: how many words before it end clearly after the boundary, plus how many words from it on
    end clearly before the boundary."""
    late = accumulate((int(word.end > boundary + TIME_SLACK) for word in words), initial=0)
    early = [int(word.end < boundary - TIME_SLACK) for word in words]
    passed = accumulate(early, initial=0)
    total = sum(early)
    return [after + total - before for after, before in zip(late, passed, strict=True)]


def _plain(word: Word) -> str:
    return word_characters(word.text) or word.text.casefold()
