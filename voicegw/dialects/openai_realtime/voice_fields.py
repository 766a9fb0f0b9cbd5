"""`audio.output.voice` and `speed`."""

import re
from typing import Any

from voicegw.core.profile import VOICE_NAME

NAMES = frozenset(
    (
        *("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx"),
        *("sage", "shimmer", "verse", "marin", "cedar"),
    )
)
_SLOWEST, _FASTEST = 0.25, 1.5


def voice_of(value: Any, *, passes: bool) -> str:
    """The name of the voice for the engine; empty for the server's. passes: the engine knows the NAMES."""
    name = value.get("id") if isinstance(value, dict) else value
    if not isinstance(name, str) or not re.match(VOICE_NAME, name):
        return ""
    return "" if name in NAMES and not passes else name


def speed_of(value: Any, before: float) -> float:
    """The speed within its bounds; `before` if it is no number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return before
    return float(min(max(value, _SLOWEST), _FASTEST))
