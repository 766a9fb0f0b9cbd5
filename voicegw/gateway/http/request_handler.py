"""Answers HTTP requests before the upgrade: pages, refusals with a reason, or None to continue the handshake.
Refusals that may be retried state when, with random jitter.
"""

from collections.abc import Sequence
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from voicegw.core.text import quoted
from voicegw.dialects.port import Dialect, Handshake
from voicegw.errors import NotFound, VoicegwError
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.limited_connection import LimitedConnection, Upgrade
from voicegw.gateway.http.pages import Pages, refusal
from voicegw.gateway.http.plain_http import answer_method, asks_websocket, page, shaped
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.gateway.http.static_files import StaticFiles


class RequestHandler:
    """Answers the HTTP requests of a gateway. prefix: of all paths. files: of the web page."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        checks: EntryChecks,
        refusals: RefusalLog,
        prefix: str,
        files: StaticFiles,
    ) -> None:
        self._dialects = dialects
        self._checks, self._access, self._admission = checks, checks.access, checks.admission
        self._refusals = refusals
        self._prefix = prefix
        self._files = files
        self._pages = Pages(self._check_ready, checks.services.metrics)

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The response to plain HTTP or a refused upgrade; None to continue the WebSocket handshake."""
        assert isinstance(connection, LimitedConnection)
        if (response := answer_method(request.method)) is None:
            response = await self._answer(connection, request)
        return response and shaped(request, response)

    async def _answer(self, connection: LimitedConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        dialect = self._dialect(path)
        try:
            if dialect is None:
                return self._page(self._own_path(path), connection, request)
            if request.method == "GET":
                await self._admit(dialect, connection, request)
                if asks_websocket(request.headers):
                    return None
            return page(HTTPStatus.UPGRADE_REQUIRED, b"only for WebSockets\n", Upgrade="websocket")
        except VoicegwError as error:
            shown = self._access.addresses.for_log(connection.peer, request.headers)
            self._refusals.report(error, shown, counted=asks_websocket(request.headers))
            return self._refusal(error, queues=dialect is not None)

    def _dialect(self, path: str) -> Dialect | None:
        if not path.startswith(f"{self._prefix}/"):
            return None
        own = path.removeprefix(self._prefix)
        return next((dialect for dialect in self._dialects if dialect.serves(own)), None)

    def _own_path(self, path: str) -> str:
        """The path after the prefix. Raises NotFound when it has another prefix."""
        if not path.startswith(f"{self._prefix}/"):
            raise NotFound(f"nothing is at {quoted(path)}; all paths begin with {self._prefix}")
        return path.removeprefix(self._prefix)

    async def _admit(self, dialect: Dialect, connection: LimitedConnection, request: Request) -> None:
        """Admits a client that opens a WebSocket. A browser does not say why its WebSocket is refused, so a
        page asks without an upgrade; then the same is checked, and nothing is consumed."""
        address = await self._access.count(connection.peer, request.headers)
        connection.count_handshake(self._access.addresses.unshared(connection.peer, request.headers))
        path, _, query = request.path.partition("?")
        own_path = path.removeprefix(self._prefix)
        codec = dialect.connect(Handshake(own_path, query, request.headers, self._prefix))
        connection.upgrade = upgrade = Upgrade(dialect, codec, address)
        connection.protocol.max_message_size = dialect.longest_read
        self._checks.check_connection(connection.descriptor, request.headers)
        if codec.opening is None:
            self._checks.check_any()
        elif asks_websocket(request.headers):
            upgrade.session_request = await self._checks.admit(connection, dialect, codec.opening, address)
        else:
            await self._checks.check(dialect, codec.opening, address)

    def _page(self, path: str, connection: LimitedConnection, request: Request) -> Response:
        self._access.check_page(request)
        if (file := self._files.answer(path, request.headers)) is not None:
            return file
        if path == "/metrics" and not self._access.may_read_metrics(connection.peer, request):
            raise NotFound(f"nothing is at {quoted(path)}")
        return self._pages.answer(path)

    def _check_ready(self) -> str:
        self._admission.check_ready()
        return self._checks.services.check_model()

    def _refusal(self, error: VoicegwError, *, queues: bool) -> Response:
        """queues: whether the client waits for admission, so that its retry time is spread."""
        retry_after_ms = self._admission.retry_after_ms(error, queues=queues) if error.retryable else None
        return refusal(error, retry_after_ms)


def select_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The preferred subprotocol of the dialect among those offered, never the one with the token; None when
    none is offered."""
    assert isinstance(connection, LimitedConnection)
    assert connection.upgrade is not None, "an upgrade has a dialect"
    names = map(Subprotocol, connection.upgrade.dialect.subprotocols)
    return next((name for name in names if name in offered), None)
