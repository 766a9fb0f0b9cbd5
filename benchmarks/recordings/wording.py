"""Texts of recordings as words that are compared.

People's texts write the same words in different ways: "twenty one" and "21", "colour" and "color". So they
go through Whisper's own normaliser, as published error rates do, and as a whole, since a number may be said
across two turns. It makes "two zero one" one word, and "2-0-1" three, of which the last is "one". So every
digit is then a word of its own, and "one" is a digit. Letters that are spelled one by one ("c z d w",
"C-Z-D-W", "CZDW") are one word. The bundled samples are written one way and need none of it
(`clients.conversation.normalised`).
"""

import re
from collections.abc import Callable
from functools import cache

UNSPACED = ("ja", "ko", "th", "yue", "zh")  # compared by characters


def words_of(text: str, language: str) -> list[str]:
    """The words as they are compared; characters in languages that put no blanks between words."""
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
