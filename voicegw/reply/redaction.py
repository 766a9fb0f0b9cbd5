"""What a model endpoint says of a failure, fit for the log: some repeat prompts and keys in their errors."""

import re
from collections.abc import Iterable

_MOST_CHARACTERS = 300
_MOST_READ = 4_000
_RUN_BYTES = 12  # as much in a row is no coincidence, in any script
_HIDDEN = "[...]"
_MARK = b"\x01"  # in no text: control characters have become blanks
_MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_OTHER_ESCAPE = re.compile(r"\\+(?:[nrtbf](?![a-z])|[\"'/\\]|[nrt])|[\x00-\x1f\x7f]")
_SECRET = re.compile(r"(?i:\bbearer\s+\S+)|\bsk-\S+|(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}|(?<=://)[^/\s@]+@")


def redacted(text: str, private: Iterable[str]) -> str:
    """`text` in one line, without markup, secrets, and what it has in common with any of `private`."""
    plain = _plain(_MARKUP.sub(" ", text[:_MOST_READ]))
    for secret in private:
        plain = _without(plain, _plain(secret))
    plain = _SECRET.sub(_HIDDEN, plain)
    return re.sub(rf"(?:\s*{re.escape(_HIDDEN)})+", f" {_HIDDEN}", plain).strip()


def start_of(text: str) -> str:
    """The start of what `redacted` made, short enough for a line of the log."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _plain(text: str) -> str:
    """`text` with escapes resolved and blanks joined, so that the same words look the same."""
    text = _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return " ".join(_OTHER_ESCAPE.sub(" ", text).split())


def _without(text: str, secret: str) -> str:
    """`text` with runs of bytes hidden that are in `secret` too; a short secret is hidden as a whole word."""
    known = secret.encode()
    if len(known) < _RUN_BYTES:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _HIDDEN, text) if secret else text
    data = bytearray(text.encode())
    runs = {known[start : start + _RUN_BYTES] for start in range(len(known) - _RUN_BYTES + 1)}
    found = [start for start in range(len(data)) if bytes(data[start : start + _RUN_BYTES]) in runs]
    for start in found:
        data[start : start + _RUN_BYTES] = _MARK * _RUN_BYTES
    return _HIDDEN.join(part.decode(errors="ignore") for part in re.split(_MARK + b"+", bytes(data)))
