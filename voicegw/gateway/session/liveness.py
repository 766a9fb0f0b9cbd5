"""The limits on the duration of a connection: idle time, session length and validity of the token. The client
gets a notice before each of these ends.
"""

import math
from dataclasses import dataclass

from voicegw.core.events import Ending
from voicegw.core.options import option
from voicegw.errors import IdleTimeout, SessionTooLong, TokenExpired, VoicegwError

_NOTICE_SHARE = 0.2  # longest notice, as a share of the allowed time


@dataclass(frozen=True, slots=True)
class LivenessOptions:
    """Timeouts of clients and sessions."""

    idle_timeout_ms: int = option(
        300_000, "time without a message in either direction after which a session ends", ge=100
    )
    max_session_ms: int = option(14_400_000, "longest duration of a session", ge=1_000)
    notice_ms: int = option(30_000, "time before such an end at which the client gets a notice", ge=0)
    ping_interval_ms: int = option(20_000, "time without a frame after which the client is pinged", ge=50)
    ping_timeout_ms: int = option(
        20_000, "time in which the client must answer a ping, or send any frame", ge=50
    )


@dataclass(slots=True)
class _Limit:
    """One reason to end. at: monotonic second; announced_at: the `at` of the last notice."""

    error: VoicegwError
    allowed_s: float
    at: float = math.inf
    announced_at: float = math.nan


class Lifetime:
    """opened_at: monotonic second at which the session began. token_s: session time per token."""

    def __init__(self, options: LivenessOptions, opened_at: float, token_s: float) -> None:
        self._notice_s = options.notice_ms / 1000
        self._idle = _Limit(IdleTimeout(), options.idle_timeout_ms / 1000)
        self._length = _Limit(SessionTooLong(), options.max_session_ms / 1000)
        self._length.at = opened_at + self._length.allowed_s
        self._token = _Limit(TokenExpired("the session time of the token is over"), token_s)

    def check(self, now: float, alive_at: float, expires_at: float) -> list[Ending]:
        """The notices to send at `now`. Raises IdleTimeout, SessionTooLong or TokenExpired.

        alive_at: time of the last message in either direction. expires_at: end of the session time of the
        token. All times are monotonic seconds.
        """
        self._idle.at, self._token.at = alive_at + self._idle.allowed_s, expires_at
        notices = []
        for limit in self._limits:
            if now >= limit.at:
                raise limit.error
            if now >= self._notice_at(limit) and limit.announced_at != limit.at:
                limit.announced_at = limit.at
                notices.append(Ending(limit.error.code, round((limit.at - now) * 1000)))
        return notices

    def next_check(self) -> float:
        """The monotonic second of the next check, if the inputs do not change."""
        return min(
            limit.at if limit.announced_at == limit.at else self._notice_at(limit) for limit in self._limits
        )

    @property
    def _limits(self) -> tuple[_Limit, ...]:
        return self._idle, self._length, self._token

    def _notice_at(self, limit: _Limit) -> float:
        return limit.at - min(self._notice_s, _NOTICE_SHARE * limit.allowed_s)
