"""Plain HTTP on a port that is there for WebSockets: the pages' form, and answers to what asks for none."""

from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import InvalidMessage
from websockets.http11 import Request, Response
from websockets.protocol import State

PLAIN = "text/plain; charset=utf-8"
_METHODS = ("GET", "HEAD", "OPTIONS")
_ALLOWED = {"Allow": ", ".join(_METHODS)}
_LONGEST_METHOD = 8
MAX_REQUEST_BYTES = 32_768  # with all its headers: the package would take a megabyte


def page(status: HTTPStatus, body: bytes, content_type: str = PLAIN, **headers: str) -> Response:
    """An answer, after which the connection is closed."""
    fixed = {"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"}
    return Response(status.value, status.phrase, Headers(fixed | headers), body)


def answer_method(method: str) -> Response | None:
    """The answer to a request that asks for no page by its method; None to one that does."""
    if method == "OPTIONS":
        return Response(204, "No Content", Headers(_ALLOWED | {"Connection": "close"}))
    return None if method in _METHODS else page(HTTPStatus.METHOD_NOT_ALLOWED, b"", **_ALLOWED)


def shaped(request: Request, response: Response) -> Response:
    """The response as the request's method asks for it: to HEAD without its body."""
    if request.method == "HEAD":
        response.body = b""
    return response


class HttpConnection(ServerConnection):
    """Answers what the package only hangs up on: a request with a body, and what is no request. Refuses one
    that is too long."""

    __slots__ = ("_begin", "_hang_up", "_request_bytes")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._begin = b""
        self._request_bytes = 0
        self._hang_up = self.protocol.send_eof
        self.protocol.send_eof = self._answer_and_hang_up  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        """Keeps the first bytes: of a request that it refuses, the package keeps nothing."""
        if len(self._begin) < _LONGEST_METHOD:
            self._begin = (self._begin + data)[:_LONGEST_METHOD]
        if self.request is None:
            self._request_bytes += len(data)
            if self._request_bytes > MAX_REQUEST_BYTES:
                self.transport.write(page(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"").serialize())
                self.transport.close()
                return
        super().data_received(data)

    def _answer_and_hang_up(self) -> None:
        refused = self.protocol.handshake_exc
        if (
            self.protocol.state is State.CONNECTING
            and isinstance(refused, InvalidMessage)
            and not isinstance(refused.__cause__, EOFError)  # there is nobody to answer
        ):
            self.protocol.writes.append(self._refusal().serialize())
        self._hang_up()

    def _refusal(self) -> Response:
        method = self._begin.partition(b" ")[0].decode("ascii", "replace")
        if method.isupper() and method.isalpha() and method not in _METHODS:
            return page(HTTPStatus.METHOD_NOT_ALLOWED, b"", **_ALLOWED)
        return page(HTTPStatus.BAD_REQUEST, b"this is no HTTP/1.1 request without a body\n")
