"""Validates the language that a client requests."""

from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.core.languages import is_language
from voicegw.core.text import quoted
from voicegw.errors import InvalidParameter


def checked_language(text: str) -> str:
    """Returns `text` if it names a language, or is empty for the default. Raises InvalidParameter."""
    if not is_language(text):
        raise InvalidParameter(
            f"lang {quoted(text)} is neither {AUTO_LANGUAGE} nor the ISO 639 code of a language "
            "that can be recognised"
        )
    return text
