"""The HTTP pages of gateways and workers: liveness, readiness and metrics."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from websockets.http11 import Response

from voicegw.core.text import quoted
from voicegw.errors import NotFound, VoicegwError
from voicegw.gateway.http.plain_http import page
from voicegw.telemetry import CONTENT_TYPE, Metrics


class Pages:
    """check_ready: raises NotReady or Draining while the process is not ready; otherwise returns a remark for
    the page."""

    def __init__(self, check_ready: Callable[[], str], metrics: Metrics) -> None:
        self._check_ready = check_ready
        self._metrics = metrics

    def answer(self, path: str) -> Response:
        """The page at `path`. Raises NotFound, and the errors of `check_ready`."""
        match path:
            case "/healthz":
                return page(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                return page(HTTPStatus.OK, f"ready\n{self._check_ready()}".strip().encode() + b"\n")
            case "/metrics":
                return page(HTTPStatus.OK, self._metrics.exposition(), CONTENT_TYPE)
            case _:
                raise NotFound(f"nothing is at {quoted(path)}")


def refusal(error: VoicegwError, retry_after_ms: int | None = None) -> Response:
    """The HTTP response that refuses a request. retry_after_ms: when to retry; None to omit it."""
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "retryable": error.retryable,
            "retry_after_ms": retry_after_ms,
        }
    }
    status = HTTPStatus(error.http_status or HTTPStatus.INTERNAL_SERVER_ERROR)
    response = page(status, msgspec.json.encode(body), "application/json")
    if retry_after_ms is not None:
        response.headers["Retry-After"] = str(-(-retry_after_ms // 1000))
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
