"""Text from clients and endpoints, made safe to store, send or quote."""

_MAX_QUOTED_CHARACTERS = 40


def encodable(text: str) -> str:
    """`text` with surrogate pairs joined to characters. An unpaired surrogate, which JSON can contain but
    UTF-8 cannot, becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def quoted(text: str) -> str:
    """The first 40 characters of a client's text, quoted for a message or the log."""
    shown = text if len(text) <= _MAX_QUOTED_CHARACTERS else f"{text[:_MAX_QUOTED_CHARACTERS]}..."
    return repr(shown)
