"""`transcription`: language and expected words. Other fields are shown again without an effect."""

from collections.abc import Mapping
from typing import Any

from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.core.key_term_limits import check_key_terms
from voicegw.core.languages import is_language


def transcription_settings(transcription: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of a Configure. What cannot be used is left at the server's default."""
    given = transcription or {}
    terms = _key_terms(given["keywords"]) if "keywords" in given else None
    return {"language": _language(given), "key_terms": terms}


def _language(given: Mapping[str, Any]) -> str:
    """The one language that is stated, AUTO_LANGUAGE for several, empty for the server's default."""
    several = given.get("languages")
    candidates = several if isinstance(several, list) else []
    if isinstance(given.get("language"), str):
        candidates = [given["language"]]
    known = [code for each in candidates if isinstance(each, str) and is_language(code := _code(each))]
    return (known[0] if len(known) == 1 else AUTO_LANGUAGE) if known else ""


def _code(tag: str) -> str:
    """The ISO 639-1 code of a language tag such as `en-US`."""
    return tag[:16].lower().partition("-")[0]


def _key_terms(keywords: Any) -> tuple[str, ...]:
    terms = tuple(each for each in keywords if isinstance(each, str)) if isinstance(keywords, list) else ()
    try:
        check_key_terms(terms)
    except ValueError:
        return ()
    return terms
