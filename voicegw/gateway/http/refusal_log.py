"""Reports clients that are not let in: counted always, logged so many times a second and no more."""

import time
from http import HTTPStatus

import structlog

from voicegw.errors import VoicegwError
from voicegw.gateway.limits.admission import TokenBucket
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_LOGGED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LOGGED_PER_S, _LOGGED_AT_ONCE = 1, 20


class RefusalLog:
    """Of one gateway."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rate = TokenBucket(_LOGGED_PER_S, _LOGGED_AT_ONCE)
        self._left_out = 0

    def report(self, error: VoicegwError, address: str) -> None:
        """Counts a refusal, and logs it. What a load brings about is logged for debugging only.

        unreported, in the log: how many lines were left out since the last one.
        """
        self._metrics.refused.labels(error.code).inc()
        facts = {"code": error.code, "address": address, "reason": error.message}
        if error.http_status not in _LOGGED:
            log.debug("refused", **facts)
        elif self._rate.holds(time.monotonic()):
            self._rate.take()
            log.info("refused", **facts, unreported=self._left_out)
            self._left_out = 0
        else:
            self._left_out += 1
