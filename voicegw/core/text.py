"""Text that came from outside, fit to be kept and sent on."""


def encodable(text: str) -> str:
    """`text` with the halves of surrogate pairs put together. One without its other half, which JSON can
    spell and nobody can encode, becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
