"""The HTTP pages, and the HTTP form of a refusal."""

import msgspec
import pytest

from voicegw.errors import InternalError, NotFound, NotReady, RateLimited, TokenMissing
from voicegw.gateway.http.pages import Pages, refusal
from voicegw.telemetry import CONTENT_TYPE, Metrics


def not_ready() -> str:
    raise NotReady("no worker is ready")


def test_liveness_does_not_depend_on_readiness() -> None:
    response = Pages(not_ready, Metrics()).answer("/healthz")
    assert (response.status_code, response.body) == (200, b"ok\n")


@pytest.mark.parametrize(("remark", "body"), [("", b"ready\n"), ("no model", b"ready\nno model\n")])
def test_readiness_shows_the_remark(remark: str, body: bytes) -> None:
    response = Pages(lambda: remark, Metrics()).answer("/readyz")
    assert (response.status_code, response.body) == (200, body)


def test_an_unready_process_raises_the_reason() -> None:
    with pytest.raises(NotReady, match="no worker is ready"):
        Pages(not_ready, Metrics()).answer("/readyz")


def test_metrics_are_in_the_text_format_of_prometheus() -> None:
    response = Pages(not_ready, Metrics()).answer("/metrics")
    assert response.headers["Content-Type"] == CONTENT_TYPE
    assert b"# TYPE voicegw_sessions gauge" in response.body


def test_an_unknown_path_is_quoted_in_a_safe_form() -> None:
    with pytest.raises(NotFound) as error:
        Pages(lambda: "", Metrics()).answer("/" + "x" * 10_000 + "\n")
    assert len(error.value.message) < 500
    assert "\n" not in error.value.message


def test_a_refusal_states_its_code_and_when_to_retry() -> None:
    response = refusal(RateLimited("too many connections"), 1_001)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "2"  # whole seconds, rounded up
    assert msgspec.json.decode(response.body) == {
        "error": {
            "code": "rate_limited",
            "message": "too many connections",
            "retryable": True,
            "retry_after_ms": 1_001,
        }
    }


def test_a_refusal_without_a_retry_time_has_no_header_for_it() -> None:
    assert "Retry-After" not in refusal(NotFound()).headers


def test_a_missing_token_is_a_challenge() -> None:
    assert refusal(TokenMissing()).headers["WWW-Authenticate"] == "Bearer"
    assert "WWW-Authenticate" not in refusal(NotFound()).headers


def test_an_error_without_a_status_is_an_internal_error() -> None:
    assert refusal(InternalError()).status_code == 500
