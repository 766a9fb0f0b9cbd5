"""Limits of key terms: names and technical terms that the recogniser is told to expect.

They are limited because the recogniser processes them before every window, and its prompt has a maximum
length.
"""

import unicodedata
from collections.abc import Sequence

MAX_TERMS = 50
MAX_TERM_CHARACTERS = 50
MAX_CHARACTERS = 400  # all terms together; in European languages this fits in the prompt
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, surrogates, line ends


def check_key_terms(terms: Sequence[str]) -> None:
    """Raises ValueError with the reason when the key terms are invalid."""
    if len(terms) > MAX_TERMS:
        raise ValueError(f"key_terms: at most {MAX_TERMS} terms, not {len(terms)}")
    for number, term in enumerate(terms, start=1):
        if not term.strip() or len(term) > MAX_TERM_CHARACTERS:
            raise ValueError(f"key_terms: term {number} must have 1 to {MAX_TERM_CHARACTERS} characters")
        if any(unicodedata.category(character) in _FORBIDDEN for character in term):
            raise ValueError(f"key_terms: term {number} contains a control character")
    characters = sum(map(len, terms))
    if characters > MAX_CHARACTERS:
        raise ValueError(f"key_terms: at most {MAX_CHARACTERS} characters in all, not {characters}")
