"""What one session uses, held against its limits and those of its user and its address.

Counting is a few additions and never waits. What is owed to the shared counters is settled in blocks, by a
task of the connection's; what they answer holds from then on, so one block of each may be too much.
"""

from dataclasses import dataclass, field

from voicegw.errors import LimitIgnored, RateLimited
from voicegw.gateway.auth import Identity
from voicegw.gateway.limits import Limits, Resource, SessionWindows

_BLOCKS = {Resource.MESSAGES: 10.0, Resource.AUDIO_SECONDS: 2.0, Resource.MODEL_TOKENS: 100.0}


@dataclass(slots=True)
class _Account:
    """One resource. Times are monotonic seconds."""

    resource: Resource
    shared: bool
    owed: float = 0.0
    refused_until: float = 0.0
    refused_since: float | None = None
    told_until: float = 0.0


@dataclass
class Meter:
    """Of one session."""

    limits: Limits
    identity: Identity
    _windows: SessionWindows = field(init=False)
    _accounts: dict[Resource, _Account] = field(init=False)

    def __post_init__(self) -> None:
        user, address = self.identity.user, self.identity.address
        self._windows = SessionWindows(self.limits.session_rates)
        self._accounts = {
            resource: _Account(resource, self.limits.applies(resource, user, address)) for resource in _BLOCKS
        }

    def admit(self, resource: Resource, cost: float, now: float) -> bool:
        """Counts `cost` at monotonic second `now` and says whether it may be used.

        Raises RateLimited where the client has to be told that it is over a limit, once until that is over,
        and LimitIgnored when it has gone on for too long.
        """
        account = self._accounts[resource]
        if now >= account.refused_until:
            wait_s = self._windows.charge(resource, cost, now)
            account.refused_until = now + wait_s
            if not wait_s:
                account.owed += cost if account.shared else 0.0
                account.refused_since = None
                return True
        if account.refused_since is None:
            account.refused_since = now
        if (now - account.refused_since) * 1000 > self.limits.options.patience_ms:
            raise LimitIgnored(f"too many {resource.value} for too long")
        if now < account.told_until:
            return False
        account.told_until = account.refused_until
        wait_ms = round((account.refused_until - now) * 1000)
        raise RateLimited(f"too many {resource.value}", retry_after_ms=wait_ms)

    @property
    def due(self) -> bool:
        """Whether a block is owed to the shared counters."""
        return any(account.owed >= _BLOCKS[account.resource] for account in self._accounts.values())

    async def settle(self, now: float) -> None:
        """Reports what is owed, in whole units."""
        for account in self._accounts.values():
            cost = int(account.owed)
            if cost:
                account.owed -= cost
                user, address = self.identity.user, self.identity.address
                wait_s = await self.limits.charge(account.resource, cost, user, address)
                account.refused_until = max(account.refused_until, now + wait_s if wait_s else 0.0)
