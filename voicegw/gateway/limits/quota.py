"""What one session has used of its own limits, and since when it is refused more: a new connection changes
neither, wherever it leads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from limits import RateLimitItem

from voicegw.gateway.limits.rate_limits import Resource, SessionWindows, WindowStates


@dataclass(slots=True)
class Account:
    """One resource. Times are monotonic seconds."""

    refused_until: float = 0.0
    refused_since: float | None = None
    told_until: float = 0.0

    def shifted(self, by_s: float) -> "Account":
        """The same by another clock."""
        since = self.refused_since
        return Account(
            self.refused_until + by_s, None if since is None else since + by_s, self.told_until + by_s
        )


class QuotaState(msgspec.Struct, frozen=True, array_like=True):
    """What another gateway is told of it; times are Unix times in s."""

    windows: WindowStates = {}
    accounts: dict[Resource, Account] = {}


class Quota:
    """`rates`: what one session may use."""

    def __init__(self, rates: Mapping[Resource, Sequence[RateLimitItem]]) -> None:
        self.windows = SessionWindows(rates)
        self.accounts = {resource: Account() for resource in Resource}

    def state(self, booted_at: float) -> QuotaState:
        """booted_at: Unix time of monotonic second 0."""
        accounts = {resource: account.shifted(booted_at) for resource, account in self.accounts.items()}
        return QuotaState(self.windows.state(booted_at), accounts)

    def restore(self, state: QuotaState, booted_at: float) -> None:
        """Goes on from where another gateway was."""
        self.windows.restore(state.windows, booted_at)
        self.accounts |= {
            resource: account.shifted(-booted_at) for resource, account in state.accounts.items()
        }
