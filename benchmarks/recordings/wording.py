"""Normalises transcripts to words for comparison.

Transcripts write the same words in different ways: "twenty one" and "21", "colour" and "color". So Whisper's
normaliser is applied, as for published error rates, to the whole text, since a number may span two turns. It
makes "two zero one" one word, and "2-0-1" three, of which the last is "one". So every digit then becomes a
word, and "one" a digit. Spelled letters ("c z d w", "C-Z-D-W", "CZDW") are one word. The bundled samples are
consistent and need no normalisation (`clients.conversation.normalised`).
"""

import re
from collections.abc import Callable
from functools import cache

UNSPACED = ("ja", "ko", "th", "yue", "zh")  # compared by characters


def words_of(text: str, language: str) -> list[str]:
    """The words as they are compared; characters in languages without blanks between words."""
    normal = _normaliser(language)(text)
    if language == "en":
        normal = re.sub(r"\bone\b", "1", normal)
    if language not in UNSPACED:
        normal = re.sub(r"(?<=\b[^\W\d]) (?=[^\W\d]\b)", "", normal)
    return re.sub(r"(?<=\d)(?=\d)", " ", normal).split()


@cache
def _normaliser(language: str) -> Callable[[str], str]:
    from whisper_normalizer.basic import BasicTextNormalizer  # type: ignore[import-untyped]
    from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

    if language == "en":
        return EnglishTextNormalizer()  # type: ignore[no-any-return]
    return BasicTextNormalizer(split_letters=language in UNSPACED)  # type: ignore[no-any-return]
