"""What one session has used of its own limits, since when it is refused more, and what it still owes to the
shared counters: a new connection changes none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from limits import RateLimitItem

from voicegw.gateway.limits.rate_limits import Resource, SessionWindows, WindowStates
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

BLOCKS = {Resource.MESSAGES: 10.0, Resource.AUDIO_SECONDS: 2.0, Resource.MODEL_TOKENS: 100.0}


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
    """What another gateway is told of it; times are Unix times in s by the clock of the gateway that has
    saved it. saved_at: when that was; 0 where it is not said."""

    windows: WindowStates = {}
    accounts: dict[Resource, Account] = {}
    saved_at: float = 0.0


class Quota:
    """`rates`: what one session may use. `unsaved` is set when a block has been used since the last `state`.

    owed: what the shared counters have not been told yet.
    """

    def __init__(
        self, rates: Mapping[Resource, Sequence[RateLimitItem]], unsaved: SingleWaiterEvent | None = None
    ) -> None:
        self.windows = SessionWindows(rates)
        self.accounts = {resource: Account() for resource in Resource}
        self.owed = dict.fromkeys(BLOCKS, 0.0)
        self._unsaved = unsaved or SingleWaiterEvent()
        self._since_saved = dict.fromkeys(BLOCKS, 0.0)

    def charge(self, resource: Resource, cost: float, now: float) -> float:
        """Counts `cost` for the session; seconds to wait if that is too much, else 0."""
        self._since_saved[resource] += cost
        if self._since_saved[resource] >= BLOCKS[resource]:
            self._unsaved.set()
        return self.windows.charge(resource, cost, now)

    def state(self, now: float, unix_now: float) -> QuotaState:
        """To be saved. now: monotonic seconds; unix_now: the same moment in Unix time."""
        self._since_saved = dict.fromkeys(BLOCKS, 0.0)
        booted_at = unix_now - now
        accounts = {resource: account.shifted(booted_at) for resource, account in self.accounts.items()}
        return QuotaState(self.windows.state(booted_at), accounts, unix_now)

    def restore(self, state: QuotaState, age_s: float, now: float, unix_now: float) -> None:
        """Goes on from where another gateway was `age_s` seconds ago. The clocks of the two may differ: only
        its own tells how much of a window was left."""
        booted_at = (state.saved_at or unix_now - age_s) + age_s - now
        self.windows.restore(state.windows, booted_at)
        self.accounts |= {
            resource: account.shifted(-booted_at) for resource, account in state.accounts.items()
        }
