"""Applies the limits of a session, its user and its address to the use of one connection.

Counting is a few additions and never waits. The shared counters are read once before the first message of a
connection. Later use is reported to them in blocks, by a task of the connection, and their answer applies
from then on; so up to one block of messages and audio may exceed a limit. A request to the model costs money,
so it waits until the shared counters have counted its prompt.
"""

import asyncio
import math

from voicegw.core.history_length import CHARACTERS_PER_TOKEN
from voicegw.errors import LimitIgnored, RateLimited
from voicegw.gateway.limits.quota import BLOCKS, Quota, ResourceState
from voicegw.gateway.limits.rate_limits import Limits, Resource
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

_MIN_AUDIO_S = 0.002


class SessionLimiter:
    """The limiter of one connection.

    user, address: for which its use is counted. audio_bytes_per_s: of the client's audio. quota: of the
    session. due: set when a block of use has to be reported to the shared counters.
    """

    def __init__(self, limits: Limits, user: str, address: str, audio_bytes_per_s: int, quota: Quota) -> None:
        self.due = SingleWaiterEvent()
        self._limits = limits
        self._user, self._address = user, address
        self._audio_bytes_per_s = audio_bytes_per_s
        self._quota, self._resources, self._unreported = quota, quota.resources, quota.unreported
        self._shared = [  # the resources with shared counters
            resource for resource in BLOCKS if limits.applies(resource, self._user, self._address)
        ]

    @property
    def shared(self) -> bool:
        """Whether any resource has shared counters."""
        return bool(self._shared)

    def admit_message(self, now: float) -> bool:
        """Counts a JSON message at monotonic second `now`; returns whether it may be processed.

        Raises RateLimited when the client must be told that it is over a limit, once in each period over
        the limit, and LimitIgnored when it has continued for too long.
        """
        return self._admit(Resource.MESSAGES, 1, now)

    def admit_audio(self, size: int, now: float) -> bool:
        """The same for `size` bytes of audio: a frame, or part of one. Each counts as at least 2 ms."""
        return self._admit(Resource.AUDIO_SECONDS, max(size / self._audio_bytes_per_s, _MIN_AUDIO_S), now)

    async def admit_reply(self, characters: int, now: float) -> None:
        """Counts a prompt for the model, also in the shared counters. Raises RateLimited when it may not be
        sent."""
        state = self._resources[Resource.MODEL_TOKENS]
        if now >= state.refused_until and self._charge(
            state, Resource.MODEL_TOKENS, characters / CHARACTERS_PER_TOKEN, now
        ):
            await self._report_resource(Resource.MODEL_TOKENS, now)
        if now < state.refused_until:
            raise _refusal(Resource.MODEL_TOKENS, state, now)

    def count_reply(self, tokens: float, now: float) -> None:
        """Counts tokens that the model has written, also when they exceed a limit."""
        self._refuse(Resource.MODEL_TOKENS, self._quota.charge(Resource.MODEL_TOKENS, tokens, now), now)
        self._add_unreported(Resource.MODEL_TOKENS, tokens)

    async def load_shared(self, now: float) -> None:
        """Reads whether the user or the address is at a limit, by use in other sessions; counts nothing."""
        for resource in self._shared:
            self._refuse(resource, await self._limits.used_up(resource, self._user, self._address), now)

    async def report(self, now: float) -> None:
        """Reports unreported use to the shared counters."""
        self.due.clear()
        for resource in self._shared:
            await self._report_resource(resource, now)

    async def _report_resource(self, resource: Resource, now: float) -> None:
        """Reports whole units, rounded up; the excess is deducted from the next report. Otherwise many short
        sessions could use less than a unit each and never be counted."""
        cost = math.ceil(self._unreported[resource])
        if cost <= 0:
            return
        self._unreported[resource] -= cost
        try:
            wait_s = await self._limits.charge(resource, cost, self._user, self._address)
        except asyncio.CancelledError:
            self._unreported[resource] += cost  # it is unknown whether it was counted
            raise
        self._refuse(resource, wait_s, now)

    def _refuse(self, resource: Resource, wait_s: float, now: float) -> None:
        if wait_s:
            state = self._resources[resource]
            state.refused_until = max(state.refused_until, now + wait_s)

    def _admit(self, resource: Resource, cost: float, now: float) -> bool:
        state = self._resources[resource]
        if now >= state.refused_until and self._charge(state, resource, cost, now):
            state.refused_since = None
            return True
        if state.refused_since is None:
            state.refused_since = now
        if (now - state.refused_since) * 1000 > self._limits.options.patience_ms:
            raise LimitIgnored(f"too many {resource.value} for too long")
        if now < state.reported_until:
            return False
        state.reported_until = state.refused_until
        raise _refusal(resource, state, now)

    def _charge(self, state: ResourceState, resource: Resource, cost: float, now: float) -> bool:
        wait_s = self._quota.charge(resource, cost, now)
        if wait_s:
            state.refused_until = now + wait_s
            return False
        if self._shared:
            self._add_unreported(resource, cost)
        return True

    def _add_unreported(self, resource: Resource, cost: float) -> None:
        if resource in self._shared:
            self._unreported[resource] += cost
            if self._unreported[resource] >= BLOCKS[resource]:
                self.due.set()


def _refusal(resource: Resource, state: ResourceState, now: float) -> RateLimited:
    return RateLimited(
        f"too many {resource.value}", retry_after_ms=max(1, round((state.refused_until - now) * 1000))
    )
