"""The plain form of a user message, so that rules need not know how it was typed or recognised: lower case
words and digits with single blanks, signs of arithmetic in words, courtesies left off."""

import re

from voicegw.reply.numbers import with_digits

_SPELLINGS = (
    (r"['\u2019]", ""),
    (r"(?<=\d),(?=\d{3})", ""),  # 1,000
    (r"(?<![\d.])\.(?=\d)", "0."),  # .5
    (r"(?<=\d) ?- ?(?=\d)", " minus "),
    (r"(?<!\S)-(?=\d)", "minus "),
    (r"\+", " plus "),
    (r"(?<=\d) ?x ?(?=\d)|[*\u00d7]", " times "),
    (r"[/\u00f7]", " divided by "),
    (r"%", " percent "),
    (r"\.(?!\d)|[^\w\s.]", " "),
    (r"\bwhats\b", "what is"),
)
_COURTESIES = re.compile(
    r"^(?:(?:please|kindly|can you|could you|would you|will you) )+| (?:please|thanks|thank you)$"
)


def plain(text: str) -> str:
    """`text` in its plain form."""
    text = text.lower()
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text)
    return _COURTESIES.sub("", with_digits(text))
