"""What remains of Markdown when it is read out: the words. Written by a language model that was asked not to,
and cut into sentences before it comes here, so that a mark's other half may be missing."""

import html
import re
import unicodedata

_MARKS = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"^[ \t]*(?:```|~~~).*$", ""),
        (r"^[ \t]*(?:[-*_][ \t]*){3,}$", ""),  # a line across the page
        (r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+(?:[ \t]*:?-{2,}:?)?[ \t]*$", ""),  # under a table's head
        (r"^[ \t]*(?:>[ \t]?)+", ""),
        (r"^[ \t]*#{1,6}[ \t]+", ""),
        (r"^[ \t]*[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?", ""),
        (r"^[ \t]*(\d{1,3})[.)][ \t]+", r"\1: "),
        (r"<(https?://[^\s<>]+)>", r"\1"),
        (r"</?[a-zA-Z][^<>]*>", " "),
        (r"!?\[([^\]]*)\]\([^)]*\)", r"\1"),  # a link or a picture: its words
        (r"\]\([^)]*\)", ""),
        (r"\[\^?\d+\]", ""),  # a reference
        (r"\*\*|__|~~|``+", ""),
        (r"(?<![\w\\])\*(?=\S)|(?<=[^\s\\])\*(?!\w)", ""),
        (r"(?<!\w)_(?=\S)|(?<=\S)_(?!\w)", ""),
        (r"`", ""),
        (r"^[ \t]*\||\|[ \t]*$", ""),
        (r"[ \t]*\|[ \t]*", ", "),
        (r"\\([\\`*_{}\[\]()#+.!|>~-])", r"\1"),
        (r"[\[\]{}]", " "),
    )
)
_KEPT_SYMBOLS = frozenset("°©®™^`")
_PICTURE_PARTS = frozenset(map(chr, (*range(0xFE00, 0xFE10), 0x20E3)))  # variation selectors, keycap


def unmarked(text: str) -> str:
    """`text` without Markdown, HTML and pictures, in one line. What is spelled as an HTML entity, or with
    characters in it that are not seen, is markup as well: so these come first."""
    text = "".join(map(_audible, html.unescape(text)))
    for pattern, replacement in _MARKS:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def _audible(char: str) -> str:
    """The character, unless it is a picture, a part of one, or not to be seen at all."""
    kind = unicodedata.category(char)
    if char == "\n":
        return char
    if char.isspace() or kind in ("Cc", "Co", "Cs"):
        return " "
    picture = kind in ("So", "Sk", "Cf") and char not in _KEPT_SYMBOLS
    return "" if picture or char in _PICTURE_PARTS else char
