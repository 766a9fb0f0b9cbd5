"""Counts refused clients, and logs them at a limited rate."""

import time
from http import HTTPStatus

import structlog

from voicegw.errors import VoicegwError
from voicegw.gateway.limits.admission import TokenBucket
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_LOGGED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_LOGGED_PER_S, _LOG_BURST = 1, 20


class RefusalLog:
    """The refusal log of one gateway."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._rate = TokenBucket(_LOGGED_PER_S, _LOG_BURST)
        self._omitted = 0

    def report(self, error: VoicegwError, address: str, *, counted: bool = True) -> None:
        """Logs a refusal; those caused by load only at level debug. counted: also in the metric of refused
        clients; False for pages, of which probes read many while a server is not ready.

        The log field `unreported` is the number of lines omitted since the last one.
        """
        if counted:
            self._metrics.refused.labels(error.code).inc()
        facts = {"code": error.code, "address": address, "reason": error.message}
        if error.http_status not in _LOGGED:
            log.debug("refused", **facts)
        elif self._rate.holds(time.monotonic()):
            self._rate.take()
            log.info("refused", **facts, unreported=self._omitted)
            self._omitted = 0
        else:
            self._omitted += 1
