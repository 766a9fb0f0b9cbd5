"""How long a connection may last: until nobody has said anything for a while, until its session is as long as
one may be, and until its token's time is up. Its client is told so some time before.
"""

import math
from dataclasses import dataclass

from voicegw.core.events import Ending
from voicegw.core.options import option
from voicegw.errors import IdleTimeout, SessionTooLong, TokenExpired, VoicegwError

_NOTICE_SHARE = 0.2  # of the time allowed, where the usual notice would be longer than that


@dataclass(frozen=True, slots=True)
class LivenessOptions:
    """How long a client may be silent, or a session last."""

    idle_timeout_ms: int = option(300_000, "time without a message, either way, that ends a session", ge=100)
    max_session_ms: int = option(14_400_000, "longest session, from its beginning", ge=1_000)
    notice_ms: int = option(30_000, "time before such an end at which the client is told", ge=0)
    ping_interval_ms: int = option(20_000, "time without a frame after which the client is pinged", ge=50)
    ping_timeout_ms: int = option(20_000, "time it then has to answer, or to send anything", ge=50)


@dataclass(slots=True)
class _Limit:
    """One reason to end. at: monotonic second; told_of: the `at` of which the client knows."""

    error: VoicegwError
    allowed_s: float
    at: float = math.inf
    told_of: float = math.nan


class Lifetime:
    """`opened_at`: monotonic second at which the session began. token_s: what a token is good for."""

    def __init__(self, options: LivenessOptions, opened_at: float, token_s: float) -> None:
        self._notice_s = options.notice_ms / 1000
        self._idle = _Limit(IdleTimeout(), options.idle_timeout_ms / 1000)
        self._length = _Limit(SessionTooLong(), options.max_session_ms / 1000)
        self._length.at = opened_at + self._length.allowed_s
        self._token = _Limit(TokenExpired("the token's time is up"), token_s)

    def check(self, now: float, alive_at: float, expires_at: float) -> list[Ending]:
        """What to tell the client at `now`. Raises IdleTimeout, SessionTooLong or TokenExpired.

        alive_at: of the last message, either way; expires_at: of the token's time; monotonic seconds.
        """
        self._idle.at, self._token.at = alive_at + self._idle.allowed_s, expires_at
        told = []
        for limit in self._limits:
            if now >= limit.at:
                raise limit.error
            if now >= self._notice_at(limit) and limit.told_of != limit.at:
                limit.told_of = limit.at
                told.append(Ending(limit.error.code, round((limit.at - now) * 1000)))
        return told

    def next_check(self) -> float:
        """The monotonic second at which to check again, if nothing happens until then."""
        return min(
            limit.at if limit.told_of == limit.at else self._notice_at(limit) for limit in self._limits
        )

    @property
    def _limits(self) -> tuple[_Limit, ...]:
        return self._idle, self._length, self._token

    def _notice_at(self, limit: _Limit) -> float:
        return limit.at - min(self._notice_s, _NOTICE_SHARE * limit.allowed_s)
