"""Opens connections to a server, and opens new ones when a connection is lost."""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from clients.connection import AdaptiveTimeout, Connection
from clients.errors import ClientError, ProtocolError, Refused, Unreachable
from voicegw.dialects import native

OPEN_S = 10.0  # for the upgrade
NEXT_S = 3.0  # the same, if another server can be tried: TCP, TLS and upgrade at 0.5 s a round trip
CLOSE_S = 2.0  # for the closing handshake
_FIRST_DELAY_S, _MAX_DELAY_S = 0.2, 5.0
_MAX_RETRY_AFTER_S = 60.0  # whatever a server says


Token = str | Callable[[], str | Awaitable[str]]


class _Refusal(msgspec.Struct):
    code: str
    message: str
    retryable: bool = False
    retry_after_ms: int | None = None


class _RefusalBody(msgspec.Struct):
    error: _Refusal


class Connector:
    """Opens the connections of one session. urls: of one server or several. query: the parameters of the
    session. token: authorises the client; a function, also an async one, makes a new one for each
    connection."""

    def __init__(self, urls: Sequence[str], query: Mapping[str, str], token: Token | None = None) -> None:
        self._urls = list(urls)
        self._query = query
        self._token = token
        self._retry_after_s = 0.0
        self._give_up_at: float | None = None  # event loop time, while a session is to be continued
        self._max_delay_s = _FIRST_DELAY_S
        self._answer_timeout = AdaptiveTimeout()

    async def new_token(self) -> str | None:
        """A token that was not used before; None if the token is fixed, or none can be made now."""
        with suppress(ClientError):
            return await self._made_token() if callable(self._token) else None
        return None

    def set_retry_after(self, retry_after_ms: int) -> None:
        """The server accepts the next connection after this time only; a longer one than a minute counts as
        that."""
        self._retry_after_s = min(retry_after_ms / 1000, _MAX_RETRY_AFTER_S)

    def next_server(self) -> None:
        """Tries another server first from now on."""
        self._urls.append(self._urls.pop(0))

    async def open(self, resume: Mapping[str, str] | None = None) -> Connection:
        """A connection to the first server that answers. Raises Refused or Unreachable."""
        for _ in self._urls[1:]:
            with suppress(Unreachable):
                return await self._open(resume, NEXT_S)
            self.next_server()
        return await self._open(resume, OPEN_S)

    async def _open(self, resume: Mapping[str, str] | None, within_s: float) -> Connection:
        url = self._urls[0]
        query = urlencode({**self._query, **(resume or {})})
        token = await self._made_token()
        connection = await _open(
            f"{url}{'&' if '?' in url else '?'}{query}",
            token,
            within_s,
            partial(Connection, self._answer_timeout),
        )
        connection.start_health_check()
        return connection

    async def _made_token(self) -> str | None:
        made = self._token() if callable(self._token) else self._token
        return await made if inspect.isawaitable(made) else made

    async def reopen(self, resume: Mapping[str, str], within_s: float) -> Connection:
        """As `open`, with retries for `within_s`, after random and growing delays and not before the server's
        retry-after time. A connection that is lost before `receive_ready` counts as a failed attempt. Raises
        the error of the last attempt."""
        clock = asyncio.get_running_loop().time
        if self._give_up_at is None:
            self._give_up_at = clock() + within_s
        elif clock() > self._give_up_at:
            raise Unreachable("the server closes every connection before the session continues")
        while True:
            left_s = max(0.0, self._give_up_at - clock())
            await asyncio.sleep(min(self._retry_after_s, left_s) + random.uniform(0, self._max_delay_s))
            self._retry_after_s, self._max_delay_s = 0.0, min(2 * self._max_delay_s, _MAX_DELAY_S)
            try:
                return await self.open(resume)
            except (Refused, Unreachable) as error:
                final = isinstance(error, Refused) and not error.retryable
                if final or clock() > self._give_up_at:
                    raise
                if isinstance(error, Refused) and error.retry_after_ms:
                    self.set_retry_after(error.retry_after_ms)
            self.next_server()

    def receive_ready(self) -> None:
        """A session has begun or continues: the next reconnect has its whole time again."""
        self._give_up_at, self._max_delay_s = None, _FIRST_DELAY_S


async def _open(url: str, token: str | None, within_s: float, make: Callable[..., Connection]) -> Connection:
    try:
        opened = await connect(
            url,
            additional_headers={} if token is None else {"Authorization": f"Bearer {token}"},
            subprotocols=[Subprotocol(native.SUBPROTOCOL)],
            compression=None,
            open_timeout=within_s,
            ping_interval=None,  # the connection sends its own pings
            close_timeout=CLOSE_S,
            proxy=proxy_for(url),
            create_connection=make,  # type: ignore[arg-type]  # a class or a partial of it
        )
        assert isinstance(opened, Connection)
        return opened
    except InvalidStatus as refused:
        raise refusal(refused.response.status_code, refused.response.body) from refused
    except InvalidURI as error:
        raise Unreachable(str(error)) from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise Unreachable(f"no voicegw server answers at {url.partition('?')[0]}: {error}") from error


async def ready_message(connection: Connection) -> native.ReadyMessage:
    """The first message on a new connection. Raises Refused, Unreachable, ConnectionLost or ProtocolError."""
    try:
        async with asyncio.timeout(OPEN_S):
            first = await connection.receive_message()
    except TimeoutError:
        raise Unreachable(f"the server sent no ready message within {OPEN_S:g} s") from None
    match first:
        case native.ReadyMessage():
            return first
        case native.ErrorMessage():
            raise Refused(0, first.code, first.message, retryable=first.retryable)
        case other:
            raise ProtocolError(f"the first message was {type(other).__name__}, not ready")


def proxy_for(url: str) -> Literal[True] | None:
    """The system's proxy, except for this machine: few proxies reach back to it."""
    return None if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"} else True


def refusal(status: int, body: bytes | bytearray | None) -> Refused:
    try:
        error = msgspec.json.decode(body or b"", type=_RefusalBody).error
    except msgspec.MsgspecError:
        return Refused(status, "http", f"HTTP status {status}", retryable=status in {429, 503})
    return Refused(
        status, error.code, error.message, retryable=error.retryable, retry_after_ms=error.retry_after_ms
    )
