"""When a session began, and when something last came or went. All times are monotonic seconds."""

from dataclasses import dataclass


@dataclass(slots=True)
class ActivityTimestamps:
    """alive_at: of the last message, either way, or of the end of the last connection."""

    opened_at: float
    alive_at: float

    @classmethod
    def begun(cls, now: float) -> "ActivityTimestamps":
        """Of a session that has just begun."""
        return cls(now, now)
