"""What is answered before the upgrade: plain pages, refusals with their reason, or nothing, which lets the
handshake go on. Every refusal says when to come back, each a little differently.
"""

import time
from collections.abc import Sequence
from http import HTTPStatus

import msgspec
import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from voicegw.core.commands import ReplyMode
from voicegw.dialects import native, parameters
from voicegw.dialects.parameters import StreamParameters, quoted
from voicegw.errors import AtCapacity, NotFound, VoicegwError
from voicegw.gateway.auth.access import Access
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.http.descriptors import Descriptors
from voicegw.gateway.http.limited_connection import LimitedConnection
from voicegw.gateway.http.plain_http import answer_method, page, shaped
from voicegw.gateway.limits.admission import Admission, TokenBucket
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.services import Services
from voicegw.gateway.session.sessions import Sessions
from voicegw.gateway.session.tts_task import check_voice
from voicegw.telemetry import CONTENT_TYPE

log = structlog.get_logger(__name__)

_TELLING = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_TOLD_PER_S, _TOLD_AT_ONCE = 1, 20


class RequestHandler:
    """`sessions`: those that are here already, whose clients may come back for them. `prefix`: what all paths
    begin with."""

    def __init__(
        self,
        access: Access,
        admission: Admission,
        services: Services,
        sessions: Sessions,
        descriptors: Descriptors,
        prefix: str,
    ) -> None:
        self._access = access
        self._admission = admission
        self._services = services
        self._sessions = sessions
        self._descriptors = descriptors
        self._prefix = prefix
        self._telling = TokenBucket(_TOLD_PER_S, _TOLD_AT_ONCE)
        self._untold = 0

    async def answer(self, caller: ServerConnection, request: Request) -> Response | None:
        """Answers plain HTTP and refused upgrades; None lets the WebSocket handshake go on."""
        assert isinstance(caller, LimitedConnection)
        if (response := answer_method(request.method)) is None:
            response = await self._answer(caller, request)
        return response and shaped(request, response)

    async def _answer(self, caller: LimitedConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        wants_in = path == f"{self._prefix}{native.PATH}"
        try:
            if not wants_in:
                return self._page(self._own_path(path), caller, request)
            if request.method == "HEAD":
                return page(HTTPStatus.UPGRADE_REQUIRED, b"", Upgrade="websocket")
            await self._admit(caller, request)
            return None
        except VoicegwError as error:
            self._services.metrics.refused.labels(error.code).inc()
            self._log(caller, request, error)
            return self._refusal(error, queues=wants_in)

    def _own_path(self, path: str) -> str:
        """The path behind the prefix. Raises NotFound when it has another one."""
        if not path.startswith(f"{self._prefix}/"):
            raise NotFound(f"nothing is at {quoted(path)}; all paths begin with {self._prefix}")
        return path.removeprefix(self._prefix)

    async def _admit(self, caller: LimitedConnection, request: Request) -> None:
        address = await self._access.count(caller.peer, request.headers)
        wanted = parameters.parse(request.path)
        if wanted.reply is ReplyMode.AUDIO:
            check_voice(self._services.voice)
        if self._descriptors.scarce(caller.descriptor):
            raise AtCapacity("the process has no file descriptor left for another session")
        self._check_room(wanted)
        identity = await self._access.identify(address, request, wanted)
        if self._sessions.here(wanted.resume, identity.user) is None:
            self._sessions.seats.check(identity.user, identity.address)
        self._admission.check_rush()
        await self._access.settle(identity)
        self._admission.check_rush()  # all again, and at once: there were others in the meantime
        caller.sit(self._seat(wanted, identity))
        self._admission.take()
        caller.identity = identity

    def _check_room(self, wanted: StreamParameters) -> None:
        """Whether there may be room at all, before anything is known of the client."""
        if self._sessions.here(wanted.resume) is None:
            self._sessions.seats.check_any()
        else:
            self._admission.check_ready()

    def _seat(self, wanted: StreamParameters, identity: Identity) -> Seat | None:
        """For a newcomer. Who comes back for a session that is here is given its seat, once it is found there
        still; at another address it has to count for that one."""
        if (host := self._sessions.here(wanted.resume, identity.user)) is None:
            return self._sessions.seats.take(identity.user, identity.address)
        self._admission.check_ready()
        self._sessions.seats.move(host.seat, identity.address)
        return None

    def _page(self, path: str, caller: LimitedConnection, request: Request) -> Response:
        self._access.check_page(request)
        match path:
            case "/healthz":
                return page(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                self._admission.check_ready()
                remark = self._services.check_model()
                return page(HTTPStatus.OK, f"ready\n{remark}".strip().encode() + b"\n")
            case "/metrics" if self._access.may_read_metrics(caller.peer, request):
                return page(HTTPStatus.OK, self._services.metrics.exposition(), CONTENT_TYPE)
            case _:
                raise NotFound(
                    f"nothing is at {quoted(path)}; the native dialect is at {native.PATH}, behind any prefix"
                )

    def _log(self, caller: LimitedConnection, request: Request, error: VoicegwError) -> None:
        """Who was refused, and why, so many times a second; `untold`: how many were not told of in between.
        What crowds bring about is of no interest one by one."""
        address = self._access.addresses.shown(caller.peer, request.headers)
        told = {"code": error.code, "address": address, "reason": error.message}
        if error.http_status not in _TELLING:
            log.debug("refused", **told)
        elif self._telling.holds(time.monotonic()):
            self._telling.take()
            log.info("refused", **told, untold=self._untold)
            self._untold = 0
        else:
            self._untold += 1

    def _refusal(self, error: VoicegwError, *, queues: bool) -> Response:
        """`queues`: whether it is told to one who waits to be let in."""
        retry_after_ms = self._admission.retry_after_ms(error, queues=queues) if error.retryable else None
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


def select_subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The native subprotocol when it is offered, never the one that holds the token; a client that offers
    none is welcome too."""
    name = Subprotocol(native.SUBPROTOCOL)
    return name if name in offered else None
