"""Removal of Markdown from text that is spoken. The text is one sentence of a reply, so the second half of a
pair of marks may be missing."""

import html
import re
import unicodedata

_MARKS = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"^[ \t]*(?:```|~~~).*$", ""),
        (r"^[ \t]*(?:[-*_][ \t]*){3,}$", ""),  # a horizontal rule
        (
            r"^[ \t]*\|?(?:[ \t]*:?-{2,}:?[ \t]*\|)+(?:[ \t]*:?-{2,}:?)?[ \t]*$",
            "",
        ),  # below a table's head
        (r"^[ \t]*(?:>[ \t]?)+", ""),
        (r"^[ \t]*#{1,6}[ \t]+", ""),
        (r"^[ \t]*[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?", ""),
        (r"^[ \t]*(\d{1,3})[.)][ \t]+", r"\1: "),
        (r"<(https?://[^\s<>]+)>", r"\1"),
        (r"</?[a-zA-Z][^<>]*>", " "),
        (r"!?\[([^\]]*)\]\([^)]*\)", r"\1"),  # a link or an image: its text
        (r"\]\([^)]*\)", ""),
        (r"\[\^?\d+\]", ""),  # a footnote
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
_EMOJI_PARTS = frozenset(map(chr, (*range(0xFE00, 0xFE10), 0x20E3)))  # variation selectors, keycap


def without_markdown(text: str) -> str:
    """`text` without Markdown, HTML and emoji, in one line. HTML entities and invisible characters are
    replaced first, because they may be part of markup."""
    text = "".join(map(_audible, html.unescape(text)))
    for pattern, replacement in _MARKS:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def _audible(char: str) -> str:
    """The character, a blank for a control character, or nothing for an emoji or an invisible character."""
    kind = unicodedata.category(char)
    if char == "\n":
        return char
    if char.isspace() or kind in ("Cc", "Co", "Cs"):
        return " "
    symbol = kind in ("So", "Sk", "Cf") and char not in _KEPT_SYMBOLS
    return "" if symbol or char in _EMOJI_PARTS else char
