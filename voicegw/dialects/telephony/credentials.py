"""Where a carrier puts the token of a call: the last part of the path, the query, or a header."""

import base64
import binascii
from urllib.parse import parse_qs, unquote

from voicegw.dialects.bearer import bearer_token
from voicegw.dialects.port import Handshake, Headers

_BASIC = "basic"


def serves(path: str, dialect_path: str) -> bool:
    """Whether `path` is that of a dialect, with or without a token appended."""
    return path == dialect_path or path.startswith(f"{dialect_path}/")


def path_token(handshake: Handshake, dialect_path: str) -> str | None:
    """The part of the path after that of the dialect."""
    return unquote(handshake.path.removeprefix(dialect_path)).strip("/") or None


def request_token(handshake: Handshake, dialect_path: str) -> str | None:
    """The token of a request: from its path, its query (`?token=`), or its header `Authorization`, as bearer
    token or as password. Some PBXs can set only a user name and a password."""
    return (
        path_token(handshake, dialect_path)
        or query_value(handshake.query, "token")
        or bearer_token(handshake.headers)
        or _password(handshake.headers)
    )


def query_value(query: str, name: str) -> str | None:
    """The last value of a parameter; None when it is missing or empty."""
    return parse_qs(query, errors="replace").get(name, [None])[-1]


def _password(headers: Headers) -> str | None:
    """The password of basic authentication (RFC 7617), or None."""
    for value in headers.get_all("Authorization"):
        scheme, _, encoded = value.strip().partition(" ")
        if scheme.lower() == _BASIC:
            try:
                decoded = base64.b64decode(encoded.strip(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
            return decoded.partition(":")[2] or None
    return None
