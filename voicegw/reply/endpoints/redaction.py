"""Redaction of an endpoint's error texts for the log: some endpoints repeat prompts and keys in them.

The time it takes is linear in the length of the texts, because it runs on the event loop.
"""

import re
from collections.abc import Iterable

from voicegw.core.text import encodable

_MAX_LOG_CHARACTERS = 300
_MAX_READ_CHARACTERS = 4_000
_RUN_BYTES = 12  # equal sequences of this length are no coincidence, in any script
_MIN_WORD_LETTERS = 4  # shorter words are too common
_MIN_ECHO_CHARACTERS = 20  # a shorter message may consist of words that belong to the error text
_HIDDEN = "[...]"
_MARK = b"\x01"  # occurs in no text: control characters are replaced by blanks first
_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"(?<!\\)\\+u([0-9a-fA-F]{4})")
_OTHER_ESCAPE = re.compile(r"\\+(?:[nrtbf](?![a-z])|[\"'/\\]|[nrt])|[\x00-\x1f\x7f]")
_SECRET = re.compile(r"(?i:\bbearer\s+\S+)|\bsk-\S+|(?P<long>[A-Za-z0-9_-]{20,})|(?<=://)[^/\s@]+@")
_IN_LONG_SECRET = re.compile(r"\d|\bsk-")
_WORD = re.compile(r"\w+")


def redacted(text: str, private: Iterable[str], phrases: Iterable[str] = ()) -> str:
    """`text` in one line, without markup and secrets, without words of `private`, and without longer parts of
    `private` and `phrases`. A phrase that is too short to have longer parts is hidden word by word."""
    private, phrases = [_plain(each) for each in private], [_plain(each) for each in phrases]
    plain = _without_runs(_readable(text), [*private, *phrases])
    plain = _SECRET.sub(_secret_hidden, plain)
    plain = _without_words(plain, [*private, *filter(_is_short, phrases)])
    return re.sub(rf"(?:\s*{re.escape(_HIDDEN)})+", f" {_HIDDEN}", plain).strip()


def without_echoes(text: str, messages: Iterable[str]) -> str:
    """`text` in one line, without those `messages` that are repeated in it, except for short ones."""
    plain = _readable(text)
    for echo in map(_plain, messages):
        if len(echo) >= _MIN_ECHO_CHARACTERS:
            plain = plain.replace(echo, _HIDDEN)
    return plain


def start_of(text: str) -> str:
    """The start of a text, short enough for a log line."""
    return text if len(text) <= _MAX_LOG_CHARACTERS else f"{text[:_MAX_LOG_CHARACTERS]}..."


def _readable(text: str) -> str:
    """The beginning of `text`, without markup and in one line."""
    return _plain(_MARKUP.sub(" ", text[:_MAX_READ_CHARACTERS]))


def _plain(text: str) -> str:
    """`text` with escapes resolved and blanks joined, so that equal words compare equal."""
    text = _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return " ".join(_OTHER_ESCAPE.sub(" ", encodable(text)).split())


def _is_short(text: str) -> bool:
    """Whether it is shorter than a run."""
    return len(text.encode()) < _RUN_BYTES


def _without_runs(text: str, secrets: Iterable[str]) -> str:
    """`text` without the runs of bytes that also occur in one of `secrets`, in upper or lower case."""
    runs = {run for secret in secrets for run in _runs(secret.lower().encode())}
    lowered = text.lower().encode()
    data = bytearray(text.encode())
    if len(data) != len(lowered):  # a few rare letters have another length in lower case
        data = bytearray(lowered)
    for start, run in enumerate(_runs(lowered)):
        if run in runs:
            data[start : start + _RUN_BYTES] = _MARK * _RUN_BYTES
    return _HIDDEN.join(part.decode(errors="ignore") for part in re.split(_MARK + b"+", bytes(data)))


def _runs(data: bytes) -> list[bytes]:
    """All sequences of `_RUN_BYTES` in it."""
    return [data[start : start + _RUN_BYTES] for start in range(len(data) - _RUN_BYTES + 1)]


def _without_words(text: str, secrets: Iterable[str]) -> str:
    """`text` without the words of `secrets`: the longer ones, or all words of a short secret."""
    words = {
        word.casefold()
        for secret in secrets
        for word in _WORD.findall(secret)
        if len(word) >= _MIN_WORD_LETTERS or _is_short(secret)
    }
    return _WORD.sub(lambda match: _HIDDEN if match[0].casefold() in words else match[0], text)


def _secret_hidden(match: re.Match[str]) -> str:
    """The replacement of a possible secret; a long word of letters only is kept."""
    long = match["long"]
    return long if long and not _IN_LONG_SECRET.search(long) else _HIDDEN
