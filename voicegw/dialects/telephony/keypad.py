"""Collects the telephone keys that a caller presses into messages."""

from voicegw.errors import MalformedMessage

KEYS = frozenset("0123456789ABCDabcd*#")
PAUSE_MS = 2_000.0  # of audio without a key that completes a message
MAX_DIGITS = 64  # in one message
_ENTER = "#"


class Keypad:
    """Measures pauses by the duration of the received audio, because codecs have no clock."""

    def __init__(self) -> None:
        self._digits = ""
        self._waited_ms = 0.0

    def press(self, digit: str) -> str | None:
        """The message that this key completes, or None. `#` completes a message; alone it is the message."""
        self._waited_ms = 0.0
        if digit == _ENTER:
            return self._take() or _ENTER
        self._digits += digit
        return self._take() if len(self._digits) >= MAX_DIGITS else None

    def wait(self, audio_ms: float) -> str | None:
        """Adds audio without a key; returns the message that the pause completes, or None."""
        if not self._digits:
            return None
        self._waited_ms += audio_ms
        return self._take() if self._waited_ms >= PAUSE_MS else None

    def _take(self) -> str:
        digits, self._digits = self._digits, ""
        return digits


def checked_key(value: object) -> str:
    """A key in a message. Raises MalformedMessage for anything else."""
    if not isinstance(value, str) or value not in KEYS:
        raise MalformedMessage("a telephone key is one of 0 to 9, A to D, * and #")
    return value
