"""`POST /v1/realtime/client_secrets`: issues a short-lived token, which the server of an application requests
for a browser.

The request's token needs the scope `issue:tokens`. The new token is of the same user, has its other scopes,
and fixes the properties of the session that the request states.
"""

import asyncio
import secrets
from contextlib import aclosing
from typing import Annotated, Any

import msgspec

from voicegw.errors import IdleTimeout, InvalidParameter
from voicegw.gateway.auth.authenticator import Authenticator, Identity
from voicegw.gateway.rest.http_exchange import HttpExchange

_MAX_BYTES = 65_536
TIMEOUT_S = 10.0  # for the body of a request
_LONGEST_TOKEN = 7_500  # in a WebSocket's handshake it is part of one header line
# Voices of OpenAI, which no other engine has. A token that fixed one would spoil the session.
_FOREIGN_VOICES = frozenset(
    ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
)


class _Expiry(msgspec.Struct):
    anchor: str = "created_at"
    seconds: Annotated[int, msgspec.Meta(ge=10, le=7200)] = 600


class _Output(msgspec.Struct):
    voice: str | dict[str, Any] | None = None


class _InputTranscription(msgspec.Struct):
    language: str | None = None


class _Input(msgspec.Struct):
    transcription: _InputTranscription | None = None


class _Audio(msgspec.Struct):
    input: _Input | None = None
    output: _Output | None = None


class _Session(msgspec.Struct):
    type: str = "realtime"
    model: str | None = None
    instructions: str | None = None
    audio: _Audio | None = None


class _Request(msgspec.Struct):
    expires_after: _Expiry | None = None
    session: _Session | None = None


async def read(exchange: HttpExchange) -> bytes:
    """The body of a request. Raises RequestTooBig, InvalidParameter and IdleTimeout."""
    try:
        async with asyncio.timeout(TIMEOUT_S), aclosing(exchange.body(_MAX_BYTES)) as body:
            return b"".join([data async for data in body])
    except TimeoutError:
        raise IdleTimeout("the request did not arrive in time") from None


def create(body: bytes, identity: Identity, authenticator: Authenticator) -> dict[str, object]:
    """The response to a request. Raises InvalidParameter, and the errors of `Authenticator.issue`."""
    try:
        request = msgspec.json.decode(body or b"{}", type=_Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidParameter(f"the body is not a valid request: {error}") from None
    session = request.session or _Session()
    properties = _properties(session)
    valid_s = (request.expires_after or _Expiry()).seconds
    value, expires_at = authenticator.issue(identity, valid_s, properties)
    if len(value) > _LONGEST_TOKEN:
        raise InvalidParameter("session.instructions: too long for a token")
    return {"value": value, "expires_at": expires_at, "session": _effective(session, expires_at)}


def _properties(session: _Session) -> dict[str, object]:
    """The properties of the session that a token can fix."""
    audio = session.audio or _Audio()
    language = audio.input and audio.input.transcription and audio.input.transcription.language
    voice = audio.output and audio.output.voice
    properties: dict[str, object] = {}
    if session.instructions:
        properties["instructions"] = session.instructions
    if language:
        properties["language"] = language
    if isinstance(voice, str) and voice and voice not in _FOREIGN_VOICES:
        properties["voice"] = voice
    return properties


def _effective(session: _Session, expires_at: int) -> dict[str, object]:
    """The session as it will be."""
    kind = "realtime.transcription_session" if session.type == "transcription" else "realtime.session"
    stated = msgspec.to_builtins(session)
    return {
        **{name: value for name, value in stated.items() if value is not None},
        "object": kind,
        "id": f"sess_{secrets.token_hex(12)}",
        "expires_at": expires_at,
    }
