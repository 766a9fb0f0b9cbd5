"""The quota state of one session: what it has used of its limits, since when it is over a limit, and the use
that is not yet reported to the shared counters. A new connection of the session changes none of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from limits import RateLimitItem

from voicegw.gateway.limits.rate_limits import Resource, SessionWindows, WindowStates
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

BLOCKS = {Resource.MESSAGES: 10.0, Resource.AUDIO_SECONDS: 2.0, Resource.MODEL_TOKENS: 100.0}


@dataclass(slots=True)
class ResourceState:
    """The limit state of one resource. Times are monotonic seconds.

    reported_until: the client was told that it is over the limit until then.
    """

    refused_until: float = 0.0
    refused_since: float | None = None
    reported_until: float = 0.0

    def shifted(self, by_s: float) -> "ResourceState":
        """The same state with all times shifted by `by_s`, for another clock."""
        since = self.refused_since
        return ResourceState(
            self.refused_until + by_s, None if since is None else since + by_s, self.reported_until + by_s
        )


class QuotaState(msgspec.Struct, frozen=True, array_like=True):
    """The stored form of a Quota. Times are Unix times in s by the clock of the gateway that saved it.

    saved_at: when it was saved; 0 when unknown.
    """

    windows: WindowStates = {}
    resources: dict[Resource, ResourceState] = {}
    saved_at: float = 0.0


class Quota:
    """Counts the use of one session.

    rates: the limits of the session. unsaved: set when a block has been used since the last `state`.
    unreported: use that the shared counters do not include yet.
    """

    def __init__(
        self, rates: Mapping[Resource, Sequence[RateLimitItem]], unsaved: SingleWaiterEvent | None = None
    ) -> None:
        self.windows = SessionWindows(rates)
        self.resources = {resource: ResourceState() for resource in Resource}
        self.unreported = dict.fromkeys(BLOCKS, 0.0)
        self._unsaved = unsaved or SingleWaiterEvent()
        self._until_due = dict(BLOCKS)  # use of each resource until the quota has to be saved

    def charge(self, resource: Resource, cost: float, now: float) -> float:
        """Counts `cost` for the session; returns the seconds to wait when over a limit, else 0."""
        self._until_due[resource] -= cost
        if self._until_due[resource] <= 0:
            self._until_due[resource] = math.inf  # once is enough until it is saved
            self._unsaved.set()
        return self.windows.charge(resource, cost, now)

    def state(self, now: float, unix_now: float) -> QuotaState:
        """The state to store. now: monotonic seconds; unix_now: the same moment in Unix time."""
        self._until_due = dict(BLOCKS)
        booted_at = unix_now - now
        resources = {resource: state.shifted(booted_at) for resource, state in self.resources.items()}
        return QuotaState(self.windows.state(booted_at), resources, unix_now)

    def restore(self, state: QuotaState, age_s: float, now: float, unix_now: float) -> None:
        """Restores the state that another gateway saved `age_s` seconds ago. The clocks of the two gateways
        may differ: the rest of a window is computed with the clock of the other gateway only."""
        booted_at = (state.saved_at or unix_now - age_s) + age_s - now
        self.windows.restore(state.windows, booted_at)
        self.resources |= {resource: state.shifted(-booted_at) for resource, state in state.resources.items()}
