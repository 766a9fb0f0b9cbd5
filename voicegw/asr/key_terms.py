"""Key terms, which are names and technical terms, in a transcript: only where they were said.

A decoder that reads key terms before a window writes them right, but it also writes them in noise, takes
noise for speech and repeats itself. So a window is decoded without them first, and that decode says whether
there is speech at all. Where a word of it is doubtful, the window's encoding is decoded once more, with the
terms. That text is believed only if it holds a term that the first one lacks, is about as long, and the sound
alone makes the term likely enough: a word's probability comes from the alignment, which reads no terms.

Whisper takes up to 223 tokens of earlier text (Radford et al. 2022, section 2.3). Terms come first, so that
the latest context is nearest to the words, and have reserved space: if the text is too long, the oldest
context is cut.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from voicegw.core.jobs import Word
from voicegw.core.text import is_word_character, word_characters

MOST_TOKENS = 223
_MOST_OF_TERMS = 160  # the rest is room for the 200 characters of context that a session sends
# Thai to Chinese: in scripts without blanks a term may stand between letters
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SURE = 0.6  # probability from which a word is not doubtful; misrecognised names had 0.35 and less
_LIKELY = 0.06  # least mean probability of a term's words

Encode = Callable[[str], list[int]]


def prompt_tokens(key_terms: Sequence[str], said: str, encode: Encode) -> list[int]:
    """The tokens that the decoder reads before a window; none where there are neither terms nor context."""
    terms = _of_terms(key_terms, encode)
    context = encode(f" {said.strip()}") if said.strip() else []
    return [*terms, *context[max(0, len(terms) + len(context) - MOST_TOKENS) :]]


def _of_terms(key_terms: Sequence[str], encode: Encode) -> list[int]:
    """The first terms, as many as fit."""
    tokens, end = encode(" Glossary:"), encode(".")
    for index, term in enumerate(key_terms):
        more = encode(f", {term}" if index else f" {term}")
        if len(tokens) + len(more) + len(end) > _MOST_OF_TERMS:
            key_terms = key_terms[:index]
            break
        tokens += more
    return [*tokens, *end] if key_terms else []


def has_low_confidence(words: Sequence[Word]) -> bool:
    """Whether one of the words may be a key term that was not recognised."""
    return any(word.probability < _SURE for word in words)


def new_terms(key_terms: Sequence[str], before: str, text: str) -> list[str]:
    """The terms in `text` that are not in the text `before`."""
    return [term for term in key_terms if _holds(text, term) and not _holds(before, term)]


def _holds(text: str, term: str) -> bool:
    """Whether the term stands in the text as it is written, and not within a longer word."""
    text = f" {text.casefold()} "
    found = re.finditer(re.escape(term.casefold()), text)
    return any(not (_continues(text[one.start() - 1]) or _continues(text[one.end()])) for one in found)


def _continues(character: str) -> bool:
    """Whether it makes another word of a term beside it."""
    return is_word_character(character) and not _UNSPACED.match(character)


def are_likely(terms: Sequence[str], words: Sequence[Word]) -> bool:
    """Whether the sound makes each of the terms likely enough, wherever it stands among the words."""
    found = [place for term in terms for place in _places(term, words)]
    return bool(found) and all(
        sum(word.probability for word in place) / len(place) >= _LIKELY for place in found
    )


def _places(term: str, words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The words that the term stands in, for each time that it does."""
    texts, wanted = [word_characters(word.text) for word in words], word_characters(term)
    for first in range(len(words) if wanted else 0):
        line, last = "", first
        while len(line) < len(wanted) and last < len(words):
            line, last = line + texts[last], last + 1
        if texts[first] and line.startswith(wanted):
            yield words[first:last]


def once(tokens: list[int], usual: int) -> list[int]:
    """A text that is written again and again, once. usual: how many tokens the window was written in without
    key terms; only what is much longer is taken to be repeated."""
    if 2 * len(tokens) < 3 * usual:
        return tokens
    repeated = (cycle for cycle in range(1, len(tokens)) if tokens[cycle:] == tokens[:-cycle])
    return tokens[: next(repeated, len(tokens))]


def is_as_long(text: str, before: str) -> bool:
    """Whether two texts may be of the same words, one of them with a term in it."""
    length, length_before = len(word_characters(text)), len(word_characters(before))
    return abs(length - length_before) <= 6 + length_before // 4
