"""The way to a server: opening connections, and coming back when one is lost."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from clients.connection import Connection, Patience
from clients.errors import Refused, Unreachable
from voicegw.dialects import native

OPEN_S = 10.0  # for the upgrade
NEXT_S = (
    3.0  # the same, where there is another server to be tried: TCP, TLS and upgrade at 0.5 s a round trip
)
CLOSE_S = 2.0  # for the closing handshake, and for a connection that is dead to be given up
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


Token = str | Callable[[], str]


class _Refusal(msgspec.Struct):
    code: str
    message: str
    retryable: bool = False
    retry_after_ms: int | None = None


class _RefusalBody(msgspec.Struct):
    error: _Refusal


class Line:
    """How to reach the server: its URLs, what the session is to be, and the token that lets its client in, or
    what makes a new one for each connection."""

    def __init__(self, urls: Sequence[str], query: Mapping[str, str], token: Token | None = None) -> None:
        self._urls = list(urls)
        self._query = query
        self._token = token
        self._hint_s = 0.0
        self._patience = Patience()

    def new_token(self) -> str | None:
        """A token that was not shown before; None where no more can be made."""
        return self._token() if callable(self._token) else None

    def hint(self, retry_after_ms: int) -> None:
        """The server has said when to come back."""
        self._hint_s = retry_after_ms / 1000

    def turn(self) -> None:
        """From now on another server is tried first."""
        self._urls.append(self._urls.pop(0))

    async def open(self, resume: Mapping[str, str] | None = None) -> Connection:
        """A connection to the first of the URLs that answers. Raises Refused or Unreachable."""
        for _ in self._urls[1:]:
            with suppress(Unreachable):
                return await self._open(resume, NEXT_S)
            self.turn()
        return await self._open(resume, OPEN_S)

    async def _open(self, resume: Mapping[str, str] | None, within_s: float) -> Connection:
        url = self._urls[0]
        query = urlencode({**self._query, **(resume or {})})
        token = self._token() if callable(self._token) else self._token
        connection = await _open(
            f"{url}{'&' if '?' in url else '?'}{query}", token, within_s, partial(Connection, self._patience)
        )
        connection.watch()
        return connection

    async def reopen(self, resume: Mapping[str, str], within_s: float) -> Connection:
        """The same, tried again and again, after pauses of random length that grow, but not before the
        server has asked for it. Raises what the last attempt did."""
        give_up_at = asyncio.get_running_loop().time() + within_s
        longest_s = _FIRST_PAUSE_S
        while True:
            await asyncio.sleep(self._hint_s + random.uniform(0, longest_s))
            self._hint_s, longest_s = 0.0, min(2 * longest_s, _LONGEST_PAUSE_S)
            try:
                return await self.open(resume)
            except (Refused, Unreachable) as error:
                final = isinstance(error, Refused) and not error.retryable
                if final or asyncio.get_running_loop().time() > give_up_at:
                    raise
                if isinstance(error, Refused) and error.retry_after_ms:
                    self.hint(error.retry_after_ms)
            self.turn()


async def _open(url: str, token: str | None, within_s: float, make: Callable[..., Connection]) -> Connection:
    try:
        opened = await connect(
            url,
            additional_headers={} if token is None else {"Authorization": f"Bearer {token}"},
            subprotocols=[Subprotocol(native.SUBPROTOCOL)],
            compression=None,
            open_timeout=within_s,
            ping_interval=None,  # the connection asks by itself
            close_timeout=CLOSE_S,
            proxy=_proxy_for(url),
            create_connection=make,  # type: ignore[arg-type]  # a class, or as good
        )
        assert isinstance(opened, Connection)
        return opened
    except InvalidStatus as refused:
        raise _refusal(refused.response.status_code, refused.response.body) from refused
    except InvalidURI as error:
        raise Unreachable(str(error)) from error
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise Unreachable(f"no voicegw server answers at {url.partition('?')[0]}: {error}") from error


def _proxy_for(url: str) -> Literal[True] | None:
    """The system's proxy, except for this machine: few proxies reach back to it."""
    return None if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"} else True


def _refusal(status: int, body: bytes | bytearray | None) -> Refused:
    try:
        error = msgspec.json.decode(body or b"", type=_RefusalBody).error
    except msgspec.MsgspecError:
        return Refused(status, "http", f"HTTP status {status}", retryable=status in {429, 503})
    return Refused(
        status, error.code, error.message, retryable=error.retryable, retry_after_ms=error.retry_after_ms
    )
