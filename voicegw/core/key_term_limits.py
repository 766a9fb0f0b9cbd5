"""Names and words of a trade that are likely to be said, for the recogniser to expect.

They are bounded, because a recogniser reads them before every window, and reads no more than so much.
"""

import unicodedata
from collections.abc import Sequence

MAX_TERMS = 50
MAX_TERM_CHARACTERS = 50
MAX_CHARACTERS = 400  # all terms together: in European languages less than the engine makes room for
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, halves of characters, line ends


def check_key_terms(terms: Sequence[str]) -> None:
    """Raises ValueError, saying what is wrong, when these cannot be key terms."""
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
