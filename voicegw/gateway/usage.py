"""What one session has used of its own limits, and since when it is refused more: a new connection changes
neither."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from limits import RateLimitItem

from voicegw.gateway.limits import Resource, SessionWindows


@dataclass(slots=True)
class Account:
    """One resource. Times are monotonic seconds."""

    refused_until: float = 0.0
    refused_since: float | None = None
    told_until: float = 0.0


class Usage:
    """`rates`: what one session may use."""

    def __init__(self, rates: Mapping[Resource, Sequence[RateLimitItem]]) -> None:
        self.windows = SessionWindows(rates)
        self.accounts = {resource: Account() for resource in Resource}
