"""Text that came from outside, fit to be kept, sent on or quoted."""

_MAX_QUOTED_CHARACTERS = 40


def encodable(text: str) -> str:
    """`text` with the halves of surrogate pairs put together. One without its other half, which JSON can
    spell and nobody can encode, becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def quoted(text: str) -> str:
    """The beginning of what a client wrote, for an answer or the log."""
    shown = text if len(text) <= _MAX_QUOTED_CHARACTERS else f"{text[:_MAX_QUOTED_CHARACTERS]}..."
    return repr(shown)
