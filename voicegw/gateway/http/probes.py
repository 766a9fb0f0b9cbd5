"""Liveness, readiness and metrics of a worker, as HTTP on a separate port."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from voicegw.errors import NotReady, StartupError, VoicegwError
from voicegw.gateway.http.pages import Pages, refusal
from voicegw.gateway.http.plain_http import HttpConnection, answer_method, shaped
from voicegw.telemetry import Metrics

_ANSWER_S = 2.0  # for a request and its answer, also with a client that does not read


@asynccontextmanager
async def probes(host: str, port: int, unready: Callable[[], str], metrics: Metrics) -> AsyncGenerator[str]:
    """Serves /healthz, /readyz and /metrics during the block; yields the URL. unready: why the process is not
    ready; empty when it is. Raises StartupError when the address is not available."""

    def check_ready() -> str:
        if reason := unready():
            raise NotReady(reason)
        return ""

    pages = Pages(check_ready, metrics)

    def shown(request: Request) -> Response:
        try:
            return pages.answer(request.path.partition("?")[0])
        except VoicegwError as error:
            return refusal(error)

    def answer(_: ServerConnection, request: Request) -> Response:
        return answer_method(request.method) or shaped(request, shown(request))

    try:
        server = await serve(
            _no_session,
            host,
            port,
            create_connection=HttpConnection,
            process_request=answer,
            server_header=None,
            open_timeout=_ANSWER_S,
            close_timeout=_ANSWER_S,
        )
    except OSError as error:
        raise StartupError(f"cannot listen: {error.strerror or error}") from error
    async with server:
        own_host, own_port = next(iter(server.sockets)).getsockname()[:2]
        yield f"http://{f'[{own_host}]' if ':' in own_host else own_host}:{own_port}"


async def _no_session(socket: ServerConnection) -> None:
    """Never called: every request is answered before a handshake."""
