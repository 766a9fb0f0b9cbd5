"""The gateway's life, in order: listen, admit or refuse, serve, drain, stop.

One `websockets` server answers everything: the dialects' paths as WebSockets, and health, readiness and
metrics as plain HTTP on the same port.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from voicegw.core import events
from voicegw.core.audio import InputDecoder
from voicegw.core.endpoint import SpeechScorer
from voicegw.core.options import option
from voicegw.core.session import Session, SessionOptions
from voicegw.dialects import native, parameters
from voicegw.dialects.parameters import ReplyMode, StreamParameters
from voicegw.errors import RETRY_AFTER_MS, Draining, NotFound, VoicegwError
from voicegw.gateway.admission import Admission, AdmissionOptions
from voicegw.gateway.connection import Connection, ConnectionOptions
from voicegw.gateway.host import Services, SessionHost
from voicegw.gateway.outbox import Outbox
from voicegw.telemetry import CONTENT_TYPE, Metrics

log = structlog.get_logger(__name__)

_CLOSE_S = 2.0  # for the closing handshake: a client that reads nothing keeps its place no longer
_TRANSPORT_LIMIT_BYTES = 4 * native.MAX_MESSAGE_BYTES  # above the dialect's limit, which can say why


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Where to listen, and how to stop."""

    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(8765, "port to listen on; 0 for any free one", ge=0, le=65_535)
    drain_timeout_ms: int = option(10_000, "time that open turns get to finish when stopping", ge=0)
    admission: AdmissionOptions = field(default_factory=AdmissionOptions)
    connection: ConnectionOptions = field(default_factory=ConnectionOptions)


class Gateway:
    """`new_scorer` makes the voice activity detector of one session; `ready` says whether words can be
    recognised yet, `crowded` whether recognition is so far behind that nobody more should be let in."""

    def __init__(
        self,
        options: GatewayOptions,
        session_options: SessionOptions,
        services: Services,
        new_scorer: Callable[[], SpeechScorer],
        ready: Callable[[], bool],
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._options = options
        self._session_options = session_options
        self._services = services
        self._new_scorer = new_scorer
        self._admission = Admission(options.admission, ready, crowded)
        self._hosts: set[SessionHost] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._stack = AsyncExitStack()
        self._server: Server | None = None

    @property
    def metrics(self) -> Metrics:
        return self._services.metrics

    @property
    def address(self) -> str:
        """The URL of the native dialect; valid once started."""
        assert self._server is not None, "start() comes first"
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        return f"ws://{f'[{host}]' if ':' in host else host}:{port}{native.PATH}"

    async def start(self) -> None:
        """Listens. Raises OSError when the address cannot be had."""
        self._server = await self._stack.enter_async_context(
            serve(
                self._serve,
                self._options.host,
                self._options.port,
                process_request=self._answer_or_admit,
                select_subprotocol=_select_subprotocol,
                compression=None,  # PCM does not compress; see the architecture guide
                max_size=_TRANSPORT_LIMIT_BYTES,
                close_timeout=_CLOSE_S,
                server_header=None,
            )
        )
        watch = asyncio.create_task(self._admission.watch_loop(), name="loop-lag")
        self._stack.push_async_callback(_cancelled, watch)
        self.metrics.loop_lag.set_function(lambda: self._admission.loop_lag_s)
        log.info("listening", address=self.address)

    async def drain(self) -> None:
        """Admits nobody, tells everyone, lets open turns finish until the deadline, then closes."""
        self._admission.draining = True
        log.info("draining", sessions=len(self._hosts))
        for host in tuple(self._hosts):
            host.drain(RETRY_AFTER_MS)
        try:
            async with asyncio.timeout(self._options.drain_timeout_ms / 1000):
                await self._empty.wait()
        except TimeoutError:
            for host in tuple(self._hosts):
                host.finish(Draining())

    async def stop(self) -> None:
        """Closes what is left and stops listening."""
        await self._stack.aclose()

    # --- admission ---

    async def _answer_or_admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answers plain HTTP and refused upgrades; None lets the WebSocket handshake go on."""
        try:
            path = request.path.partition("?")[0]
            if path != native.PATH:
                return self._answer(path)
            parameters.parse(request.path)
            self._admission.check(len(self._hosts))
            return None
        except VoicegwError as error:
            self.metrics.refused.labels(error.code).inc()
            return _refusal(error)

    def _answer(self, path: str) -> Response:
        match path:
            case "/healthz":
                return _response(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                self._admission.check_ready()
                remark = self._services.check_model()
                return _response(HTTPStatus.OK, f"ready\n{remark}".strip().encode() + b"\n")
            case "/metrics":
                return _response(HTTPStatus.OK, self.metrics.exposition(), CONTENT_TYPE)
            case _:
                raise NotFound(f"nothing is at {path}; the native dialect is at {native.PATH}")

    # --- one session ---

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        host = self._host(parameters.parse(socket.request.path))
        self._hosts.add(host)
        self._count()
        if self._admission.draining:
            host.drain(RETRY_AFTER_MS)
        try:
            await Connection(socket, host, self._options.connection).run()
        finally:
            self._hosts.discard(host)
            self._count()

    def _count(self) -> None:
        self.metrics.sessions.set(len(self._hosts))
        if self._hosts:
            self._empty.clear()
        else:
            self._empty.set()

    def _host(self, wanted: StreamParameters) -> SessionHost:
        name = secrets.token_urlsafe(12)
        decoder = InputDecoder(wanted.audio_format, wanted.rate)
        session = Session(name, self._session_options, decoder, self._new_scorer(), wanted.language)
        session.configure_replies(wanted.reply is not ReplyMode.NONE)
        limits = events.Limits(
            max_message_bytes=native.MAX_MESSAGE_BYTES,
            max_burst_ms=self._session_options.max_burst_ms,
            idle_timeout_ms=self._options.connection.idle_timeout_ms,
        )
        ready = events.SessionReady(name, epoch=1, resumed=False, next_input_sample=0, limits=limits)
        outbox = Outbox(native.encode, self._options.connection.max_outbox_bytes)
        return SessionHost(session, self._services, outbox, ready)


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Ends a task that never ends by itself."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _select_subprotocol(socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The native subprotocol when it is offered; a client that offers none is welcome too."""
    name = Subprotocol(native.SUBPROTOCOL)
    return name if name in offered else None


def _refusal(error: VoicegwError) -> Response:
    retry_after_ms = RETRY_AFTER_MS if error.retryable else None
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "retryable": error.retryable,
            "retry_after_ms": retry_after_ms,
        }
    }
    status = HTTPStatus(error.http_status or HTTPStatus.INTERNAL_SERVER_ERROR)
    response = _response(status, msgspec.json.encode(body), "application/json")
    if retry_after_ms is not None:
        response.headers["Retry-After"] = str(-(-retry_after_ms // 1000))
    return response


def _response(status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status.value, status.phrase, headers, body)
