"""A clock that the test moves."""


class Clock:
    """Seconds from the start, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now
