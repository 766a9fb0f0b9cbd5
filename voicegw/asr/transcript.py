"""Removes from the text of a Whisper decode what was not spoken: text after the end of the audio, and loops.

Pure functions over token ids; the model itself is in model.py.

A stock model that may write timestamp tokens knows where in the window it is. In a window that is longer than
its audio it may invent a sentence in the silence after it, or write the last one again; the timestamp that
begins that sentence is at the end of the audio or after it, so it can be cut off.

A Whisper model that loses its place writes the same words again until it reaches its token limit. People
repeat themselves, too ("no, no", "nine nine five"), so a repetition is only a reason to decode again, with
more silence after the audio.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voicegw.core.text import word_characters

TIMESTAMP_S = 0.02  # between two timestamp tokens
_SHORTEST_S = 0.1  # what begins so near the end of the audio is no word
_LONG_CYCLE_TOKENS = 8
_COPIES_OF_SHORT_CYCLES = 4  # "no no no" is speech
_COPIES_OF_LONG_CYCLES = 2
_COPIES_OF_LOOPS = 8  # nobody says the same so often


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Where the special ids begin in a vocabulary: text lies below `end_of_text`, timestamps from
    `first_timestamp` on."""

    end_of_text: int
    first_timestamp: int


def text_tokens(tokens: Sequence[int], special: SpecialTokens, audio_s: float) -> list[int]:
    """The text among `tokens`, without the segments that begin at the end of the audio or behind it."""
    kept: list[int] = []
    inside, end = True, _end_token(special, audio_s)
    for token in tokens:
        if token >= special.first_timestamp:
            inside = token < end
        elif token < special.end_of_text and inside:
            kept.append(token)
    return kept


def reaches_end(tokens: Sequence[int], special: SpecialTokens, audio_s: float) -> bool:
    """Whether a segment begins or ends at the end of the audio or behind it: the text before it is complete,
    even if the model did not stop there."""
    return any(token >= _end_token(special, audio_s) for token in tokens)


def _end_token(special: SpecialTokens, audio_s: float) -> float:
    return special.first_timestamp + (audio_s - _SHORTEST_S) / TIMESTAMP_S


@dataclass(frozen=True, slots=True)
class Repetition:
    """Tokens that are written several times in a row: `cycle` of them from the index `start` on, in so many
    `copies`."""

    start: int
    cycle: int
    copies: int

    @property
    def length(self) -> int:
        """How many tokens all the copies have."""
        return self.cycle * self.copies


def find_repetition(tokens: Sequence[int]) -> Repetition | None:
    """The first run of copies that is long enough to be a loop: two of a cycle of eight tokens or more, or
    four of a shorter one."""
    return next(_repetitions(tokens), None)


def _repetitions(tokens: Sequence[int]) -> Iterator[Repetition]:
    for start in range(len(tokens)):
        for cycle in range(1, (len(tokens) - start) // 2 + 1):
            copies = _copies(tokens, start, cycle)
            enough = _COPIES_OF_SHORT_CYCLES if cycle < _LONG_CYCLE_TOKENS else _COPIES_OF_LONG_CYCLES
            if copies >= enough:
                yield Repetition(start, cycle, copies)


def is_repetitive(tokens: Sequence[int], text: str, *, after_context: bool) -> bool:
    """Whether the text looks like a loop. after_context: it begins with words of an earlier utterance. Its
    speaker may say those again, so two copies are none then."""
    if after_context:
        return any(found.copies > _COPIES_OF_LONG_CYCLES for found in _repetitions(tokens))
    return find_repetition(tokens) is not None or is_doubled(text)


def without_repetition(tokens: list[int]) -> list[int]:
    """The tokens without the second and later copies of their longest repetition, and without what follows
    them: a model that loops has lost its place. What is repeated before that may have been said."""
    found = max(_repetitions(tokens), key=lambda each: each.length, default=None)
    return tokens if found is None else tokens[: found.start + found.cycle]


def is_loop(tokens: Sequence[int]) -> bool:
    """Whether something is repeated so often that nobody said it."""
    return any(found.copies >= _COPIES_OF_LOOPS for found in _repetitions(tokens))


def _copies(tokens: Sequence[int], start: int, cycle: int) -> int:
    """How often the `cycle` tokens at `start` stand there in a row."""
    first = tokens[start : start + cycle]
    copies = 1
    while tokens[start + copies * cycle : start + (copies + 1) * cycle] == first:
        copies += 1
    return copies


def is_doubled(text: str) -> bool:
    """Whether the text is the same words twice, as "No. No.", without regard to case and punctuation."""
    words = [word for each in text.split() if (word := word_characters(each))]
    half = len(words) // 2
    return half > 0 and words[:half] == words[half:]


def compression_ratio(text: str) -> float:
    """How much smaller deflate makes the text: high when it repeats itself. Each character is one byte, so
    that the ratio does not depend on the script."""
    numbers = {character: number for number, character in enumerate(dict.fromkeys(text))}
    encoded = bytes(numbers[character] % 256 for character in text)
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0
