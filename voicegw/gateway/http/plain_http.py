"""Plain HTTP on the port of the WebSockets: responses, methods, and answers to invalid requests."""

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
MAX_REQUEST_BYTES = 32_768  # headers included; the package would accept a megabyte


def page(status: HTTPStatus, body: bytes, content_type: str = PLAIN, **headers: str) -> Response:
    """A response after which the connection is closed."""
    fixed = {"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"}
    return Response(status.value, status.phrase, Headers(fixed | headers), body)


def answer_method(method: str) -> Response | None:
    """The response to OPTIONS and to unsupported methods; None for GET and HEAD."""
    if method == "OPTIONS":
        return Response(204, "No Content", Headers(_ALLOWED | {"Connection": "close"}))
    return None if method in _METHODS else page(HTTPStatus.METHOD_NOT_ALLOWED, b"", **_ALLOWED)


def shaped(request: Request, response: Response) -> Response:
    """The response adapted to the method: without a body for HEAD."""
    if request.method == "HEAD":
        response.body = b""
    return response


def asks_websocket(headers: Headers) -> bool:
    """Whether the request asks for an upgrade to a WebSocket."""
    return _values(headers, "Upgrade") == {"websocket"} and "upgrade" in _values(headers, "Connection")


def _values(headers: Headers, name: str) -> set[str]:
    """The values of a list in a header, in lower case."""
    values = ",".join(headers.get_all(name)).lower().split(",")
    return {value.strip() for value in values} - {""}


class HttpConnection(ServerConnection):
    """Answers requests that the package only disconnects: those with a body, and invalid ones. Refuses
    requests that are too long."""

    __slots__ = ("_begin", "_request_bytes", "_send_eof")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._begin = b""
        self._request_bytes = 0
        self._send_eof = self.protocol.send_eof
        self.protocol.send_eof = self._answer_and_send_eof  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        """Keeps the first bytes, because the package keeps nothing of a request that it refuses."""
        if self.request is None:
            if len(self._begin) < _LONGEST_METHOD:
                self._begin = (self._begin + data)[:_LONGEST_METHOD]
            self._request_bytes += len(data)
            if self._request_bytes > MAX_REQUEST_BYTES:
                self.transport.write(page(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"").serialize())
                self.transport.close()
                return
        super().data_received(data)

    def _answer_and_send_eof(self) -> None:
        refused = self.protocol.handshake_exc
        if (
            self.protocol.state is State.CONNECTING
            and isinstance(refused, InvalidMessage)
            and not isinstance(refused.__cause__, EOFError)  # the client has disconnected
        ):
            self.protocol.writes.append(self._refusal().serialize())
        self._send_eof()

    def _refusal(self) -> Response:
        method = self._begin.partition(b" ")[0].decode("ascii", "replace")
        if method.isupper() and method.isalpha() and method not in _METHODS:
            return page(HTTPStatus.METHOD_NOT_ALLOWED, b"", **_ALLOWED)
        return page(HTTPStatus.BAD_REQUEST, b"not an HTTP/1.1 request without a body\n")
