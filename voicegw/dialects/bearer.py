"""Reads the token of a request."""

from collections.abc import Iterator

from voicegw.dialects.port import Headers

_SCHEME = "bearer"
_PROTOCOL_PREFIX = "bearer."


def bearer_token(headers: Headers, protocol_prefix: str = _PROTOCOL_PREFIX) -> str | None:
    """The token of a request, or None: from `Authorization: Bearer <token>` (RFC 6750), or from a subprotocol
    that begins with `protocol_prefix`, because a page in a browser can set no headers."""
    for value in headers.get_all("Authorization"):
        scheme, _, token = value.strip().partition(" ")
        if scheme.lower() == _SCHEME:
            return token.strip()
    for offered in offered_subprotocols(headers):
        if offered.startswith(protocol_prefix):
            return offered.removeprefix(protocol_prefix)
    return None


def offered_subprotocols(headers: Headers) -> Iterator[str]:
    """The subprotocols that a client offers, in the order of the client."""
    for value in headers.get_all("Sec-WebSocket-Protocol"):
        yield from (each.strip() for each in value.split(","))
