"""The most tokens of a decode: more than the fastest speech has, so that it stops a decoder that loops."""

_MOST = 210  # that CTranslate2 writes about a window, however long the prompt
_PER_SECOND = 20
_PER_SECOND_OF = {
    **dict.fromkeys(("en", "de", "es", "fr", "it", "nl", "pt"), 8),  # whole words are tokens
    # scripts of which one character is several tokens
    **dict.fromkeys(("am", "bn", "bo", "gu", "ka", "km", "kn", "lo", "ml", "my", "pa", "si", "ta", "te"), 40),
}


def token_limit(language: str, seconds: float) -> int:
    """The most tokens that speech of this length can have. language: ISO 639-1."""
    return min(_MOST, int(_PER_SECOND_OF.get(language, _PER_SECOND) * (seconds + 1)))


def is_greatest(limit: int) -> bool:
    """Whether no window may have more tokens, whatever its length."""
    return limit == _MOST
