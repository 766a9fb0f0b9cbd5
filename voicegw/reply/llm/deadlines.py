"""The deadlines of one streamed reply: for its first token, for each next token and for its end."""


class Deadline:
    """A time on the event loop's clock. message: what an error says when it has passed."""

    def __init__(self, event: str, start_s: float, limit_ms: int) -> None:
        self.at_s = start_s + limit_ms / 1000
        self.message = f"no {event} within {limit_ms} ms"


class ReplyDeadlines:
    """`current` is the deadline for the next event of a request that was sent at `start_s`."""

    def __init__(self, start_s: float, first_token_ms: int, next_token_ms: int, total_ms: int) -> None:
        self._end = Deadline("end of the reply", start_s, total_ms)
        self._next_token_ms = next_token_ms
        self.current = self._earlier(Deadline("first token", start_s, first_token_ms))

    def receive_token(self, now_s: float) -> None:
        """A token, or reasoning, arrived: the limit between two tokens applies from now on."""
        self.current = self._earlier(Deadline("next token", now_s, self._next_token_ms))

    def _earlier(self, deadline: Deadline) -> Deadline:
        return min(deadline, self._end, key=lambda each: each.at_s)
