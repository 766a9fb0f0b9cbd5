"""File descriptors: the limit of the process, the last ones reserved for refusals, and the log when none is
left."""

import asyncio
import errno
import resource
import time
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_PER_SESSION = 2  # its client, and the model or voice
_FOR_THE_PROCESS = 200
_RESERVED = 100
_LOG_INTERVAL_S = 10.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Descriptors:
    """Raises the descriptor limit of the process as needed for `max_sessions`; logs a warning when the system
    does not allow it."""

    def __init__(self, max_sessions: int) -> None:
        needed = _PER_SESSION * max_sessions + _FOR_THE_PROCESS
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < needed and soft != hard:
            soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < needed:
            log.warning("too few file descriptors for all sessions", limit=soft, needed=needed)
        self._first_reserved = soft - min(_RESERVED, soft // 4)

    def is_reserved(self, descriptor: int) -> bool:
        """Whether a descriptor is reserved for refusals. A new one always has the lowest free number."""
        return descriptor >= self._first_reserved


class AcceptErrorHandler:
    """An exception handler for the event loop that limits the log of failed accepts to one line in 10 s;
    asyncio reports a hundred a second."""

    def __init__(self) -> None:
        self._unlogged = 0
        self._logged_at = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, now = context.get("exception"), time.monotonic()
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED or "socket" not in context:
            loop.default_exception_handler(context)
            return
        self._unlogged += 1
        if now - self._logged_at >= _LOG_INTERVAL_S:
            log.warning("connections cannot be accepted", reason=error.strerror, errors=self._unlogged)
            self._logged_at, self._unlogged = now, 0
