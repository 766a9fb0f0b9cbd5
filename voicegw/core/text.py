"""Text made safe to store, send or quote, and made comparable."""

import unicodedata

_MAX_QUOTED_CHARACTERS = 40


def encodable(text: str) -> str:
    """`text` with surrogate pairs joined to characters. An unpaired surrogate, which JSON can contain but
    UTF-8 cannot, becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def quoted(text: str) -> str:
    """The first 40 characters of a client's text, quoted for a message or the log."""
    shown = text if len(text) <= _MAX_QUOTED_CHARACTERS else f"{text[:_MAX_QUOTED_CHARACTERS]}..."
    return repr(shown)


def is_word_character(character: str) -> bool:
    """Whether it is a letter, a digit or a combining mark, such as the vowels of Hindi and Thai."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def word_characters(text: str) -> str:
    """What counts when texts are compared: their letters and digits, without case."""
    return "".join(filter(is_word_character, text.casefold()))
