"""The life cycle of the gateway: listen, drain, stop.

One `websockets` server answers everything: the dialects' paths as WebSockets, and health, readiness and
metrics as plain HTTP on the same port.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from websockets.asyncio.server import Server, serve

from voicegw.core.endpoint import EndpointOptions, SpeechScorer
from voicegw.core.options import option
from voicegw.core.session import SessionOptions
from voicegw.dialects.port import Dialect
from voicegw.errors import ConfigurationError, Draining
from voicegw.gateway.auth.access import Access
from voicegw.gateway.auth.origin import ANY
from voicegw.gateway.connection_handler import ConnectionHandler
from voicegw.gateway.http.descriptors import AcceptErrorHandler, Descriptors
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.limited_connection import (
    CLOSE_S,
    HandshakeLimiter,
    HandshakeOptions,
    LimitedConnection,
)
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.gateway.http.request_handler import RequestHandler, select_subprotocol
from voicegw.gateway.http.static_files import StaticFiles
from voicegw.gateway.http.tls import Certificate, TlsOptions, check_exposure
from voicegw.gateway.limits.admission import Admission, AdmissionOptions
from voicegw.gateway.limits.seats import Seats
from voicegw.gateway.reload import Reloader
from voicegw.gateway.rest.recordings import Recordings, RestOptions
from voicegw.gateway.rest.rest_handler import RestHandler
from voicegw.gateway.rest.rest_server import RestServer
from voicegw.gateway.rest.transcriber import Transcriber
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.session_factory import SessionFactory
from voicegw.gateway.session.sessions import Sessions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.gateway.ticker import tick
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_STOP_S = 1.0  # for all connections to close when the server stops
QUEUED_FRAMES = 4  # frames of one client that are read ahead; then reading stops


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Where to listen, and how to stop."""

    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(8765, "port to listen on; 0 for any free one", ge=0, le=65_535)
    path_prefix: str = option(
        "", "prefix of all paths, when a proxy in front does not remove it: for example /voice"
    )
    web_page: bool = option(True, "serve a page to talk on, at /")
    drain_timeout_ms: int = option(10_000, "time that open turns get to finish when stopping", ge=0)
    admission: AdmissionOptions = field(default_factory=AdmissionOptions)
    connection: ConnectionOptions = field(default_factory=ConnectionOptions)
    handshake: HandshakeOptions = field(default_factory=HandshakeOptions)
    tls: TlsOptions = field(default_factory=TlsOptions)
    resume: ResumeOptions = field(default_factory=ResumeOptions)
    rest: RestOptions = field(default_factory=RestOptions)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[\w.~-]+)*", self.path_prefix, re.ASCII):
            raise ConfigurationError(f"gateway.path_prefix: {self.path_prefix!r} must have the form /voice")


class Gateway:
    """The server of voice sessions.

    dialects: those to serve, the default first. new_scorer: makes the voice activity detector of one session.
    unready: why speech cannot be recognised yet; empty when it can. overloaded: whether recognition is too
    slow to admit more sessions. access: None admits every client on this machine.
    """

    def __init__(
        self,
        options: GatewayOptions,
        session_options: SessionOptions,
        services: Services,
        dialects: Sequence[Dialect],
        new_scorer: Callable[[], SpeechScorer],
        unready: Callable[[], str],
        overloaded: Callable[[], bool] = lambda: False,
        access: Access | None = None,
    ) -> None:
        self._options = options
        self._services = services
        self._dialects = dialects
        self._access = access or Access.development(services.metrics)
        self._reloader = Reloader([])
        self._handshakes = HandshakeLimiter(
            options.handshake, self._access.addresses.unshared, services.metrics
        )
        self._admission = Admission(options.admission, unready, overloaded)
        limits = self._access.limits
        self.sessions = Sessions(
            SessionFactory(session_options, options.connection, options.resume, services, new_scorer, limits),
            Seats(self._admission, limits.options),
            services,
            options.resume.max_parked,
        )
        descriptors = Descriptors(options.admission.max_sessions)
        self._checks = EntryChecks(self._access, self._admission, services, self.sessions, descriptors)
        self._refusals = RefusalLog(services.metrics)
        self._connections = ConnectionHandler(
            options.connection,
            options.handshake.timeout_ms,
            self._checks,
            self._refusals,
            self.sessions,
        )
        self._rest = self._handshakes.rest = self._new_rest_server(new_scorer, session_options.endpoint)
        self._stack = AsyncExitStack()
        self._server: Server | None = None

    def _new_rest_server(
        self, new_scorer: Callable[[], SpeechScorer], endpoint: EndpointOptions
    ) -> RestServer | None:
        """None where the REST API is not enabled."""
        services, options = self._services, self._options
        if services.recordings is None or not options.rest.enabled:
            return None
        transcriber = Transcriber(services.recordings, services.transcription, new_scorer, endpoint)
        recordings = Recordings(options.rest, transcriber, self._access.limits, services.metrics)
        handler = RestHandler(self._checks, self._refusals, recordings, options.path_prefix)
        return RestServer(handler, options.path_prefix, options.rest.head_timeout_ms / 1000)

    @property
    def metrics(self) -> Metrics:
        return self._services.metrics

    @property
    def address(self) -> str:
        """The URL of the first dialect; valid once started."""
        return self._url("ws", self._dialects[0].path)

    @property
    def page(self) -> str:
        """The URL of the web page, empty without one; valid once started."""
        return self._url("http", "/") if self._options.web_page else ""

    def _url(self, scheme: str, path: str) -> str:
        assert self._server is not None, "start() comes first"
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        encrypted = "s" if self._options.tls.enabled else ""
        authority = f"{f'[{host}]' if ':' in host else host}:{port}"
        return f"{scheme}{encrypted}://{authority}{self._options.path_prefix}{path}"

    async def start(self) -> None:
        """Starts to listen. Raises OSError when the address is not available, and ConfigurationError when the
        options would expose the server without protection."""
        authenticator = self._access.authenticator
        check_exposure(
            self._options.host,
            encrypted=self._options.tls.enabled,
            behind_proxy=self._access.options.behind_proxy,
            tokens=not authenticator.development,
        )
        certificate = Certificate(self._options.tls) if self._options.tls.enabled else None
        if certificate is not None:
            self._handshakes.context = certificate.context
            self.metrics.certificate_expires.set_function(lambda: certificate.expires_at)
        await self._listen()
        self._reloader = Reloader([authenticator, *([certificate] if certificate else [])])
        self._run_background(self._reloader.watch(), "reloader")
        self._run_background(tick(self._admission.observe_lag, self.sessions.tick), "ticker")
        self.metrics.loop_lag.set_function(lambda: self._admission.loop_lag_s)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(AcceptErrorHandler())
        self._stack.callback(loop.set_exception_handler, None)
        self.metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        log.info("listening", address=self.address, page=self.page)
        if authenticator.development:
            log.warning("development mode: no token is required, and only this machine may connect")
            if ANY in self._access.options.origins:
                log.warning("every web page that is open on this machine may connect: --origins is *")

    def reload(self) -> None:
        """Reads certificates and keys again."""
        self._reloader.reload()

    async def _listen(self) -> None:
        handler = RequestHandler(
            self._dialects,
            self._checks,
            self._refusals,
            self._options.path_prefix,
            StaticFiles.web_page() if self._options.web_page else StaticFiles({}),
        )
        self._server = await self._stack.enter_async_context(
            serve(
                self._connections.handle,
                self._options.host,
                self._options.port,
                create_connection=partial(LimitedConnection, self._handshakes),  # type: ignore[arg-type]  # a factory instead of a class
                process_request=handler.answer,
                select_subprotocol=select_subprotocol,
                compression=None,  # PCM does not compress; see the architecture guide
                open_timeout=self._options.handshake.timeout_ms / 1000,
                max_size=min(each.longest_read for each in self._dialects),  # until the path is known
                max_queue=QUEUED_FRAMES,
                ping_interval=None,  # Connection sends pings itself, and accepts any frame as an answer
                close_timeout=CLOSE_S,
                server_header=None,
            )
        )

    def _run_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Runs a task until the server stops."""
        self._stack.push_async_callback(_cancel, asyncio.create_task(work, name=name))

    async def drain(self) -> None:
        """Stops admission, informs all clients, and ends open turns after the drain timeout."""
        self._admission.draining = True
        log.info("draining", sessions=len(self.sessions))
        timeout_s = self._options.drain_timeout_ms / 1000
        sessions = self.sessions.drain(lambda: self._admission.retry_after_ms(Draining()), timeout_s)
        await asyncio.gather(sessions, *([self._rest.drain(timeout_s)] if self._rest else []))

    async def stop(self) -> None:
        """Ends all sessions and stops listening. Aborts connections that are still open after a second."""
        if self._server is None:
            return
        self._server.close(close_connections=False)  # the ends of their sessions close them with a reason
        aborting = asyncio.get_running_loop().call_later(_STOP_S, self._handshakes.abort)
        try:
            if self._rest is not None:
                await self._rest.stop()
            await self.sessions.end()
            async with asyncio.timeout(_STOP_S + 2 * CLOSE_S):
                await self._stack.aclose()
        except TimeoutError:
            log.error("connections have not closed in time")
        finally:
            aborting.cancel()


async def _cancel(task: asyncio.Task[None]) -> None:
    """Cancels a task that does not end by itself, and waits for it."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
