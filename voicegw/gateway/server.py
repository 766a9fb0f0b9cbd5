"""The gateway's life, in order: listen, admit or refuse, serve, drain, stop.

One `websockets` server answers everything: the dialects' paths as WebSockets, and health, readiness and
metrics as plain HTTP on the same port.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from voicegw.core.endpoint import SpeechScorer
from voicegw.core.options import option
from voicegw.core.session import SessionOptions
from voicegw.dialects.port import Codec, Dialect, Opening, refusal_code
from voicegw.errors import ConfigurationError, Draining, IdleTimeout, InvalidState, VoicegwError
from voicegw.gateway.auth.access import Access, check_scopes
from voicegw.gateway.auth.origin import ANY
from voicegw.gateway.http.descriptors import AcceptErrors, Descriptors
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.limited_connection import (
    CLOSE_S,
    HandshakeLimiter,
    HandshakeOptions,
    LimitedConnection,
    Upgrade,
)
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.gateway.http.request_handler import RequestHandler, select_subprotocol
from voicegw.gateway.http.tls import Certificate, TlsOptions, check_exposure
from voicegw.gateway.limits.admission import Admission, AdmissionOptions
from voicegw.gateway.reload import Reloader
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import Connection, ConnectionOptions
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.sessions import Guest, Sessions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.gateway.ticker import tick
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_STOP_S = 1.0  # for all connections to end, once the server stops
_MOST_OPENING_FRAMES = 50  # with one that says what the client wants
QUEUED_FRAMES = 4  # of one client that are read and not taken yet; then reading stops
TRANSPORT_LIMIT = 4  # times the greatest message of a dialect: its codec can say what is wrong


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Where to listen, and how to stop."""

    host: str = option("127.0.0.1", "address to listen on")
    port: int = option(8765, "port to listen on; 0 for any free one", ge=0, le=65_535)
    path_prefix: str = option("", "what all paths begin with, behind a proxy that leaves it: /voice, for one")
    drain_timeout_ms: int = option(10_000, "time that open turns get to finish when stopping", ge=0)
    admission: AdmissionOptions = field(default_factory=AdmissionOptions)
    connection: ConnectionOptions = field(default_factory=ConnectionOptions)
    handshake: HandshakeOptions = field(default_factory=HandshakeOptions)
    tls: TlsOptions = field(default_factory=TlsOptions)
    resume: ResumeOptions = field(default_factory=ResumeOptions)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[\w.~-]+)*", self.path_prefix, re.ASCII):
            raise ConfigurationError(f"gateway.path_prefix: {self.path_prefix!r} is not written like /voice")


class Gateway:
    """`dialects`: those that are served, the usual one first. `new_scorer` makes the voice activity detector
    of one session; `unready` says why words cannot be recognised yet, and nothing when they can; `crowded`,
    whether recognition is so far behind that nobody more should be let in; `access` decides who is let in;
    without it, anyone on this machine is."""

    def __init__(
        self,
        options: GatewayOptions,
        session_options: SessionOptions,
        services: Services,
        dialects: Sequence[Dialect],
        new_scorer: Callable[[], SpeechScorer],
        unready: Callable[[], str],
        crowded: Callable[[], bool] = lambda: False,
        access: Access | None = None,
    ) -> None:
        self._options = options
        self._services = services
        self._dialects = dialects
        self._access = access or Access.development(services.metrics)
        self._reloader = Reloader([])
        self._handshakes = HandshakeLimiter(
            options.handshake, self._access.addresses.is_shared, services.metrics
        )
        self._admission = Admission(options.admission, unready, crowded)
        self.sessions = Sessions(
            session_options,
            options.connection,
            options.resume,
            services,
            new_scorer,
            self._access.limits,
            self._admission,
        )
        descriptors = Descriptors(options.admission.max_sessions)
        self._checks = EntryChecks(self._access, self._admission, services, self.sessions, descriptors)
        self._refusals = RefusalLog(services.metrics)
        self._stack = AsyncExitStack()
        self._server: Server | None = None

    @property
    def metrics(self) -> Metrics:
        return self._services.metrics

    @property
    def address(self) -> str:
        """The URL of the first dialect; valid once started."""
        assert self._server is not None, "start() comes first"
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        scheme = "wss" if self._options.tls.enabled else "ws"
        authority = f"{f'[{host}]' if ':' in host else host}:{port}"
        return f"{scheme}://{authority}{self._options.path_prefix}{self._dialects[0].path}"

    async def start(self) -> None:
        """Listens. Raises OSError when the address cannot be had, and ConfigurationError when it may not be
        listened on like this."""
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
        await self._listen()
        self._reloader = Reloader([authenticator, *([certificate] if certificate else [])])
        self._attend(self._reloader.watch(), "reloader")
        self._attend(tick(self._admission.observe_lag, self.sessions.tick), "ticker")
        self.metrics.loop_lag.set_function(lambda: self._admission.loop_lag_s)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(AcceptErrors())
        self._stack.callback(loop.set_exception_handler, None)
        self.metrics.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        log.info("listening", address=self.address)
        if authenticator.development:
            log.warning("development mode: no token is asked for, and only this machine is let in")
            if ANY in self._access.options.origins:
                log.warning("any web page that is open on this machine may connect: --origins is *")

    def reload(self) -> None:
        """Takes up certificates and keys that have changed."""
        self._reloader.reload()

    async def _listen(self) -> None:
        handler = RequestHandler(
            self._dialects,
            self._checks,
            self._access,
            self._admission,
            self._services,
            self._refusals,
            self._options.path_prefix,
        )
        self._server = await self._stack.enter_async_context(
            serve(
                self._serve,
                self._options.host,
                self._options.port,
                create_connection=partial(LimitedConnection, self._handshakes),  # type: ignore[arg-type]  # a class, or as good
                process_request=handler.answer,
                select_subprotocol=select_subprotocol,
                compression=None,  # PCM does not compress; see the architecture guide
                open_timeout=self._options.handshake.timeout_ms / 1000,
                max_size=TRANSPORT_LIMIT * max(each.max_message_bytes for each in self._dialects),
                max_queue=QUEUED_FRAMES,
                ping_interval=None,  # the connection asks by itself, and takes any frame for an answer
                close_timeout=CLOSE_S,
                server_header=None,
            )
        )

    def _attend(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Runs a task for as long as the server."""
        self._stack.push_async_callback(_cancelled, asyncio.create_task(work, name=name))

    async def drain(self) -> None:
        """Admits nobody, tells everyone, lets open turns finish until the deadline, then closes."""
        self._admission.draining = True
        log.info("draining", sessions=len(self.sessions))
        await self.sessions.drain(
            lambda: self._admission.retry_after_ms(Draining()), self._options.drain_timeout_ms / 1000
        )

    async def stop(self) -> None:
        """Ends what is left and stops listening. Connections that are still there after a second are aborted,
        whatever they wait for."""
        if self._server is None:
            return
        self._server.close(close_connections=False)  # their sessions' ends close them, and say why
        aborting = asyncio.get_running_loop().call_later(_STOP_S, self._handshakes.abort)
        try:
            await self.sessions.end()
            await self._stack.aclose()
        finally:
            aborting.cancel()

    # --- one session ---

    async def _serve(self, socket: ServerConnection) -> None:
        assert isinstance(socket, LimitedConnection)
        assert socket.upgrade is not None
        socket.forget_handshake()
        try:
            guest = socket.upgrade.guest or await self._admit(socket, socket.upgrade)
            await self._attach(socket, socket.upgrade.codec, guest)
        except VoicegwError as error:
            await self._refuse(socket, socket.upgrade, error)
        except ConnectionClosed:
            pass  # before it was said what the connection was for
        finally:
            socket.hold_seat(None)
            socket.finish_handshake()
        self.sessions.limit_detached()

    async def _admit(self, socket: LimitedConnection, upgrade: Upgrade) -> Guest:
        """Lets in a client that says in its first frames what it wants, within the time of a handshake."""
        try:
            async with asyncio.timeout(self._options.handshake.timeout_ms / 1000):
                opening = await _opening(socket, upgrade.codec)
                guest = await self._checks.admit(socket, upgrade.dialect, opening, upgrade.address)
        except TimeoutError:
            raise IdleTimeout("the client did not say in time what it wants") from None
        socket.finish_handshake()
        return guest

    async def _attach(self, socket: LimitedConnection, codec: Codec, guest: Guest) -> None:
        """A connection from its first event to its end. Raises what only now is found to stand in its way."""
        assert socket.identity is not None
        runner, after = await self.sessions.find(guest)
        socket.hold_seat(runner.seat)
        check_scopes(socket.identity, runner.profile)  # what a resumed session is, no opening says
        if after is not None:  # a new session has begun with what its token fixes
            runner.configure(socket.identity.fixed)
        context = ConnectionContext.of(self._access, socket.identity, runner.profile, runner.record.quota)
        if self._admission.draining:
            runner.drain(self._admission.retry_after_ms(Draining()))
        resumable, options = guest.dialect.resumable, self._options.connection
        arguments = (socket, codec, runner, context, options, socket.charge)
        await Connection(*arguments, after=after, resumable=resumable).run()

    async def _refuse(self, socket: LimitedConnection, upgrade: Upgrade, error: VoicegwError) -> None:
        self._refusals.report(error, upgrade.address)
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                for frame in upgrade.codec.refuse(error):
                    await socket.send(frame.data, text=frame.text)
        await socket.close(refusal_code(error), error.code)


async def _opening(socket: ServerConnection, codec: Codec) -> Opening:
    """What the client asks for in its first frames, and soon. Raises InputError and ConnectionClosed."""
    for _ in range(_MOST_OPENING_FRAMES):
        for received in codec.receive(await socket.recv()):
            if not isinstance(received, Opening):
                raise InvalidState("the first message has to say what the session is to be")
            return received
    raise InvalidState(f"none of the first {_MOST_OPENING_FRAMES} messages says what the session is to be")


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Ends a task that never ends by itself."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
