"""File descriptors: how many there may be, which are kept back so that refusals can still be told, and what
is said when there is none left."""

import asyncio
import errno
import resource
import time
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_FOR_A_SESSION = 2  # its client, and what answers it
_FOR_THE_PROCESS = 200
_KEPT_BACK = 100
_TOLD_EVERY_S = 10.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Descriptors:
    """Raises the process's limit to what so many sessions need, as far as the system lets it, and warns where
    it does not."""

    def __init__(self, max_sessions: int) -> None:
        needed = _FOR_A_SESSION * max_sessions + _FOR_THE_PROCESS
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < needed and soft != hard:
            soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < needed:
            log.warning("too few file descriptors for all sessions", limit=soft, needed=needed)
        self._first_kept_back = soft - min(_KEPT_BACK, soft // 4)

    def scarce(self, descriptor: int) -> bool:
        """Whether a connection with this descriptor, always the lowest that was free, has one of the last."""
        return descriptor >= self._first_kept_back


class AcceptErrors:
    """An event loop's exception handler, which tells of connections that could not be accepted once in a
    while: asyncio tells of them a hundred times a second."""

    def __init__(self) -> None:
        self._untold = 0
        self._told_at = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error, now = context.get("exception"), time.monotonic()
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED or "socket" not in context:
            loop.default_exception_handler(context)
            return
        self._untold += 1
        if now - self._told_at >= _TOLD_EVERY_S:
            log.warning("connections wait to be accepted", reason=error.strerror, errors=self._untold)
            self._told_at, self._untold = now, 0
