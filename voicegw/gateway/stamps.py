"""When a session began, and when something last came or went. All times are monotonic seconds."""

from dataclasses import dataclass


@dataclass(slots=True)
class Stamps:
    """alive_at: of the last message, either way, or of the end of the last connection. heard_at: of the last
    that came from the client, which is what tells how much it could not send."""

    opened_at: float
    alive_at: float
    heard_at: float

    @classmethod
    def begun(cls, now: float) -> "Stamps":
        """Of a session that has just begun."""
        return cls(now, now, now)

    def restore(self, age_s: float, silent_s: float, now: float) -> None:
        """Goes on where another gateway was, with a session so old whose client was not heard for so long."""
        self.opened_at, self.heard_at = now - age_s, now - silent_s

    def hear(self, now: float) -> None:
        """Something has come from the client."""
        self.alive_at = self.heard_at = now

    def welcome(self, now: float) -> float:
        """A connection is here; for how many ms nothing can have come from the client."""
        missed_ms = (now - self.heard_at) * 1000
        self.hear(now)
        return missed_ms
