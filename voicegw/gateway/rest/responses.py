"""The responses of the REST API, with errors in OpenAI's form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from voicegw.errors import LimitError, VoicegwError

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    """A response that is sent at once."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, content: object) -> "Response":
        """A successful response."""
        return cls(HTTPStatus.OK, msgspec.json.encode(content))


def error_content(error: VoicegwError) -> dict[str, object]:
    """The error as OpenAI states errors. A message that begins with `NAME: ` is about that parameter."""
    param, colon, _ = error.message.partition(": ")
    is_param = bool(colon) and param.replace("_", "").replace(".", "").isalpha()
    return {
        "message": error.message,
        "type": _type(error),
        "param": param if is_param else None,
        "code": error.code,
    }


def _type(error: VoicegwError) -> str:
    if isinstance(error, LimitError):
        return "rate_limit_error"
    return "server_error" if (error.http_status or 500) >= 500 else "invalid_request_error"


def refusal(error: VoicegwError, retry_after_ms: int | None) -> Response:
    """The response to a request that failed. retry_after_ms: when to retry; None to omit it."""
    headers = {}
    if retry_after_ms is not None:
        headers["Retry-After"] = str(-(-retry_after_ms // 1000))
    status = error.http_status or HTTPStatus.INTERNAL_SERVER_ERROR
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(status, msgspec.json.encode({"error": error_content(error)}), headers=headers)
