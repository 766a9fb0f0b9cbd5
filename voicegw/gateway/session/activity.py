"""The times of the start and the last activity of a session, in monotonic seconds."""

from dataclasses import dataclass


@dataclass(slots=True)
class ActivityTimestamps:
    """alive_at: time of the last message in either direction, or of the end of the last connection."""

    opened_at: float
    alive_at: float

    @classmethod
    def begun(cls, now: float) -> "ActivityTimestamps":
        """The timestamps of a new session."""
        return cls(now, now)
