"""Checks and answers one request of the REST API: the cheap checks first, and what consumes something last,
as for WebSockets."""

import secrets
from collections.abc import Mapping
from contextlib import aclosing

import structlog
from websockets.http11 import Request

from voicegw.core.commands import ReplyMode
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.bearer import bearer_token
from voicegw.dialects.port import Opening
from voicegw.errors import InternalError, MethodRefused, NotFound, VoicegwError
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.gateway.rest import client_secrets
from voicegw.gateway.rest.http_exchange import HttpExchange
from voicegw.gateway.rest.recordings import Recordings, error_event
from voicegw.gateway.rest.responses import Response, refusal
from voicegw.gateway.rest.transcript import EVENTS_TYPE

log = structlog.get_logger(__name__)

MODELS, CLIENT_SECRETS = "/v1/models", "/v1/realtime/client_secrets"
_AUDIO, _TRANSCRIPTIONS = "/v1/audio/", "/v1/audio/transcriptions"
_METHODS = {MODELS: "GET", _TRANSCRIPTIONS: "POST", CLIENT_SECRETS: "POST"}
_PROFILE = SessionProfile(reply=ReplyMode.NONE)  # of a recording, for the scopes of a token


def is_rest(path: str) -> bool:
    """Whether the REST API serves the path, which may be the path of a missing endpoint."""
    return path in (MODELS, CLIENT_SECRETS) or path.startswith((_AUDIO, f"{MODELS}/"))


class RestHandler:
    """Answers the requests of a gateway. prefix: of all paths."""

    def __init__(
        self, checks: EntryChecks, refusals: RefusalLog, recordings: Recordings, prefix: str
    ) -> None:
        self._checks, self._access, self._services = checks, checks.access, checks.services
        self._recordings = recordings
        self._refusals = refusals
        self._prefix = prefix

    async def answer(self, exchange: HttpExchange, peer: str, descriptor: int) -> None:
        """Answers the request. Raises OSError and TimeoutError when the client does not read the answer."""
        name = f"req_{secrets.token_hex(12)}"
        headers = {"x-request-id": name}
        try:
            address = await self._access.count(peer, exchange.headers)
            self._checks.check_connection(descriptor, exchange.headers)
            self._access.check_page(Request(exchange.path, exchange.headers))
            headers |= _cors(exchange.headers.get("Origin"))
            response = await self._answer(exchange, address, name, headers)
        except VoicegwError as error:
            response = self._refusal(exchange, peer, error)
        except (OSError, TimeoutError):
            raise
        except Exception:
            log.exception("a request failed", request=name)
            if exchange.started:
                return  # the response stays incomplete, which clients notice
            response = self._refusal(exchange, peer, InternalError())
        if response is not None:
            self._count(exchange, response.status)
            fields = {**headers, **response.headers, "Content-Type": response.content_type}
            await exchange.respond(response.status, fields, response.body)

    async def refuse(self, exchange: HttpExchange, peer: str, error: VoicegwError) -> None:
        """Answers a request without a valid head. Raises OSError and TimeoutError as `answer`."""
        try:
            await self._access.count(peer, exchange.headers)
        except VoicegwError as limited:
            error = limited
        response = self._refusal(exchange, peer, error)
        self._count(exchange, response.status)
        fields = {**response.headers, "Content-Type": response.content_type}
        await exchange.respond(response.status, fields, response.body)

    async def _answer(
        self, exchange: HttpExchange, address: str, name: str, headers: Mapping[str, str]
    ) -> Response | None:
        """The response; None when it has been sent."""
        path = exchange.path.removeprefix(self._prefix)
        if exchange.method == "OPTIONS":
            return Response(204, b"", headers=_PREFLIGHT)
        method = _METHODS.get(MODELS if path.startswith(f"{MODELS}/") else path)
        if method is None:
            raise NotFound(f"nothing is at {quoted(path)}")
        if exchange.method not in (method, "HEAD" if method == "GET" else method):
            raise MethodRefused(f"{quoted(path)} takes {method} only")
        if path == _TRANSCRIPTIONS:
            return await self._transcribe(exchange, address, name, headers)
        identity = await self._access.authenticate(address, bearer_token(exchange.headers))
        if path == CLIENT_SECRETS:
            self._access.authenticator.check_may_issue(identity)
            await self._access.consume_token(identity)
            content = await client_secrets.read(exchange)
            return Response.json(client_secrets.create(content, identity, self._access.authenticator))
        return self._models(path.removeprefix(MODELS).strip("/"))

    def _models(self, name: str) -> Response:
        """All models, or the one with this name."""
        models = {each: _model(each) for each in self._services.models}
        if not name:
            return Response.json({"object": "list", "data": list(models.values())})
        if name not in models:
            raise NotFound(f"there is no model {quoted(name)}")
        return Response.json(models[name])

    async def _transcribe(
        self, exchange: HttpExchange, address: str, name: str, headers: Mapping[str, str]
    ) -> Response | None:
        self._checks.check_any()
        opening = Opening(_PROFILE, bearer_token(exchange.headers))
        identity = await self._access.identify(address, opening)
        with self._recordings.place(identity):
            limiter = await self._recordings.limiter(identity)
            await self._access.consume_token(identity)
            request = await self._recordings.read(exchange, identity)
            steps = self._recordings.transcribe(exchange, request, limiter, name)
            async with aclosing(steps):
                try:
                    async for step in steps:
                        if isinstance(step, Response):
                            return step
                        if not exchange.started:
                            self._count(exchange, 200)
                            await exchange.begin(200, {**headers, "Content-Type": EVENTS_TYPE})
                        await exchange.send(step)
                except VoicegwError as error:
                    if not exchange.started:
                        raise
                    await exchange.send(error_event(error))
        await exchange.end()
        return None

    def _refusal(self, exchange: HttpExchange, peer: str, error: VoicegwError) -> Response:
        self._refusals.report(error, self._access.addresses.for_log(peer, exchange.headers))
        retry_after_ms = (
            self._checks.admission.retry_after_ms(error, queues=False) if error.retryable else None
        )
        return refusal(error, retry_after_ms)

    def _count(self, exchange: HttpExchange, status: int) -> None:
        path = exchange.path.removeprefix(self._prefix)
        label = path if path in _METHODS else "other"
        self._services.metrics.rest_requests.labels(label, str(int(status))).inc()


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Max-Age": "600",
}


def _cors(origin: str | None) -> dict[str, str]:
    """Headers that let an allowed page read the response."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "x-request-id, Retry-After",
        "Vary": "Origin",
    }


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "voicegw"}
