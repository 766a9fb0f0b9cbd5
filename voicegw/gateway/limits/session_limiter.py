"""What one connection uses, held against the limits of its session, its user and its address.

Counting is a few additions and never waits. The shared counters are asked once before a connection's first
message. What is then owed to them is settled in blocks, by a task of the connection's; what they answer
holds from then on, so one block of messages and audio may be too much. A request to the model costs money, so
it waits until the shared counters have taken its prompt.
"""

import asyncio
import math

from voicegw.core.chat_history import CHARACTERS_PER_TOKEN
from voicegw.errors import LimitIgnored, RateLimited
from voicegw.gateway.limits.quota import BLOCKS, Account, Quota
from voicegw.gateway.limits.rate_limits import Limits, Resource
from voicegw.gateway.single_waiter_event import SingleWaiterEvent

_LEAST_AUDIO_S = 0.002


class SessionLimiter:
    """Of one connection. user, address: whom its use counts for. audio_bytes_per_s: of the audio that its
    client sends; quota: of its session."""

    def __init__(self, limits: Limits, user: str, address: str, audio_bytes_per_s: int, quota: Quota) -> None:
        self.due = SingleWaiterEvent()  # a block is owed to the shared counters
        self._limits = limits
        self._user, self._address = user, address
        self._audio_bytes_per_s = audio_bytes_per_s
        self._quota, self._accounts, self._owed = quota, quota.accounts, quota.owed
        self._shared = [  # what there are shared counters for
            resource for resource in BLOCKS if limits.applies(resource, self._user, self._address)
        ]

    @property
    def shared(self) -> bool:
        """Whether anything is ever owed to the shared counters."""
        return bool(self._shared)

    def admit_message(self, now: float) -> bool:
        """Counts a JSON message at monotonic second `now` and says whether it may be used.

        Raises RateLimited where the client has to be told that it is over a limit, once until that is over,
        and LimitIgnored when it has gone on for too long.
        """
        return self._admit(Resource.MESSAGES, 1, now)

    def admit_audio(self, size: int, now: float) -> bool:
        """The same for a frame of `size` bytes of audio, or a piece of one. A small one costs more than its
        audio."""
        return self._admit(Resource.AUDIO_SECONDS, max(size / self._audio_bytes_per_s, _LEAST_AUDIO_S), now)

    async def admit_reply(self, characters: int, now: float) -> None:
        """Counts a prompt for the model, in the shared counters as well. Raises RateLimited when it may not
        be sent."""
        account = self._accounts[Resource.MODEL_TOKENS]
        if now >= account.refused_until and self._charge(
            account, Resource.MODEL_TOKENS, characters / CHARACTERS_PER_TOKEN, now
        ):
            await self._report(Resource.MODEL_TOKENS, now)
        if now < account.refused_until:
            raise _refusal(Resource.MODEL_TOKENS, account, now)

    def count_reply(self, tokens: float, now: float) -> None:
        """Counts what the model wrote, whether that is too much or not: it has been written."""
        self._refuse(Resource.MODEL_TOKENS, self._quota.charge(Resource.MODEL_TOKENS, tokens, now), now)
        self._owe(Resource.MODEL_TOKENS, tokens)

    async def begin(self, now: float) -> None:
        """Learns what the user and the address have used up already, in other sessions; counts nothing."""
        for resource in self._shared:
            self._refuse(resource, await self._limits.used_up(resource, self._user, self._address), now)

    async def settle(self, now: float) -> None:
        """Reports what is owed."""
        self.due.clear()
        for resource in self._shared:
            await self._report(resource, now)

    async def _report(self, resource: Resource, now: float) -> None:
        """The shared counters count whole units. A unit that is begun is reported as a whole, and the rest of
        it counts for the next report: many short sessions could otherwise use less than a unit each and never
        be counted."""
        cost = math.ceil(self._owed[resource])
        if cost <= 0:
            return
        self._owed[resource] -= cost
        try:
            wait_s = await self._limits.charge(resource, cost, self._user, self._address)
        except asyncio.CancelledError:
            self._owed[resource] += cost  # whether it was counted is not known
            raise
        self._refuse(resource, wait_s, now)

    def _refuse(self, resource: Resource, wait_s: float, now: float) -> None:
        if wait_s:
            account = self._accounts[resource]
            account.refused_until = max(account.refused_until, now + wait_s)

    def _admit(self, resource: Resource, cost: float, now: float) -> bool:
        account = self._accounts[resource]
        if now >= account.refused_until and self._charge(account, resource, cost, now):
            account.refused_since = None
            return True
        if account.refused_since is None:
            account.refused_since = now
        if (now - account.refused_since) * 1000 > self._limits.options.patience_ms:
            raise LimitIgnored(f"too many {resource.value} for too long")
        if now < account.told_until:
            return False
        account.told_until = account.refused_until
        raise _refusal(resource, account, now)

    def _charge(self, account: Account, resource: Resource, cost: float, now: float) -> bool:
        wait_s = self._quota.charge(resource, cost, now)
        if wait_s:
            account.refused_until = now + wait_s
            return False
        self._owe(resource, cost)
        return True

    def _owe(self, resource: Resource, cost: float) -> None:
        """What has been used is to be reported."""
        if resource in self._shared:
            self._owed[resource] += cost
            if self._owed[resource] >= BLOCKS[resource]:
                self.due.set()


def _refusal(resource: Resource, account: Account, now: float) -> RateLimited:
    return RateLimited(
        f"too many {resource.value}", retry_after_ms=max(1, round((account.refused_until - now) * 1000))
    )
