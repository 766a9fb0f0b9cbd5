"""Keys that a caller presses, gathered into messages."""

PAUSE_MS = 2_000.0  # of audio without a key, after which the digits are a message
MAX_DIGITS = 64  # in one message
_ENTER = "#"


class Keypad:
    """Has no clock: the length of the audio that comes in meanwhile tells how long no key was pressed."""

    def __init__(self) -> None:
        self._digits = ""
        self._waited_ms = 0.0

    def press(self, digit: str) -> str | None:
        """The message that is complete with this key, such as `#`, which is part of it only if it is all."""
        self._waited_ms = 0.0
        if digit == _ENTER:
            return self._take() or _ENTER
        self._digits += digit
        return self._take() if len(self._digits) >= MAX_DIGITS else None

    def wait(self, audio_ms: float) -> str | None:
        """The message that is complete because no key was pressed for so long; None if there is none."""
        if not self._digits:
            return None
        self._waited_ms += audio_ms
        return self._take() if self._waited_ms >= PAUSE_MS else None

    def _take(self) -> str:
        digits, self._digits = self._digits, ""
        return digits
