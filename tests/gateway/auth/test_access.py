"""The rules of admission in their order, over real sockets."""

import asyncio
import json
import re
from typing import Any

import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from benchmarks.raw_client import RawClient
from tests.gateway.auth.test_authenticator import OPTIONS, bearer, token
from tests.gateway.fakes import Gate, Stage, staged
from tests.gateway.test_server import get
from tests.peer import joined
from voicegw.gateway.auth.access import AccessOptions
from voicegw.gateway.auth.client_address import ProxyOptions
from voicegw.gateway.limits.rate_limits import LimitOptions


async def answer(stage: Stage, **options: Any) -> str:
    """The code with which it is refused, or `welcome`."""
    try:
        async with joined(stage.url, **options):
            return "welcome"
    except InvalidStatus as refused:
        return str(json.loads(refused.response.body or b"")["error"]["code"])


@pytest.mark.parametrize(
    ("origin", "code"),
    [(None, "welcome"), ("http://localhost:3000", "welcome"), ("https://evil.example", "origin_refused")],
)
async def test_without_tokens_pages_of_this_machine_are_welcome(origin: str | None, code: str) -> None:
    async with staged() as stage:
        assert await answer(stage, origin=origin) == code


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        (None, "welcome"),
        ("https://app.example", "welcome"),
        ("http://localhost:3000", "origin_refused"),
        ("https://evil.example", "origin_refused"),
    ],
)
async def test_with_tokens_the_listed_pages_are(origin: str | None, code: str) -> None:
    gate = Gate(tokens=OPTIONS, access=AccessOptions(origins=("https://app.example",)))
    async with staged(gate=gate) as stage:
        assert await answer(stage, origin=origin, **bearer(token())) == code


async def test_a_page_that_is_refused_does_not_use_up_the_token() -> None:
    once = bearer(token(jti="1"))
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        assert await answer(stage, origin="https://evil.example", **once) == "origin_refused"
        assert await answer(stage, **once) == "welcome"


async def test_a_401_says_what_it_wants() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(stage.url, proxy=None):
                pass
        assert refused.value.response.headers["WWW-Authenticate"] == "Bearer"


async def test_two_origins_are_none_that_is_allowed() -> None:
    page = "http://localhost"
    async with staged() as stage:
        assert await answer(stage, origin=page, additional_headers={"Origin": page}) == "origin_refused"


async def test_a_proxy_that_is_not_listed_is_remarked_on_once() -> None:
    proxied = AccessOptions(behind_proxy=True, proxy=ProxyOptions(trusted=("10.0.0.9",)))
    with structlog.testing.capture_logs() as records:
        async with staged(gate=Gate(tokens=OPTIONS, access=proxied)) as stage:
            for _ in range(2):
                assert await answer(stage, **bearer(token())) == "welcome"
    assert [record["peer"] for record in records if "not listed" in record["event"]] == ["127.0.0.1"]


async def test_behind_a_proxy_that_names_no_client_all_are_one_and_none_reads_metrics() -> None:
    gate = Gate(access=AccessOptions(behind_proxy=True), tokens=OPTIONS, limits=LimitOptions(address_open=1))
    with structlog.testing.capture_logs() as records:
        async with staged(gate=gate) as stage, joined(stage.url, **bearer(token())):
            for _ in range(2):
                assert await answer(stage, **bearer(token(sub="bob"))) == "too_many_connections"
            assert (await get(stage, "/metrics")).status == 404
            assert (await get(stage, "/metrics", **{"X-Forwarded-For": "10.1.0.7"})).status == 200
            assert (await get(stage, "/metrics", **{"X-Forwarded-For": "203.0.113.7"})).status == 404
    assert [record["peer"] for record in records if "names no client" in record["event"]] == ["127.0.0.1"]


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz"])
@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example:8765", 403), ("evil.example", 403), ("[::", 403), ("localhost:1", 200), ("[::1]:1", 200)],
)
async def test_in_development_pages_are_read_by_the_names_of_this_machine(
    path: str, host: str, status: int
) -> None:
    async with staged() as stage:
        assert (await get(stage, path, Host=host)).status == status
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        assert (await get(stage, path, Host=host)).status == 200


async def test_a_page_without_an_origin_is_not_the_servers_own() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        with RawClient(stage.url) as page:
            request = page.handshake().decode()
            page.send_raw(re.sub(r"Host: .*\r\n", "Origin: null\r\n", request).encode())
            assert b" 403 " in await asyncio.to_thread(page.socket.recv, 1_000)


@pytest.mark.parametrize(("origins", "warned"), [(("*",), 1), (("https://app.example",), 0)])
async def test_a_server_that_is_open_to_every_page_says_so(origins: tuple[str, ...], warned: int) -> None:
    with structlog.testing.capture_logs() as records:
        async with staged(gate=Gate(access=AccessOptions(origins=origins))):
            pass
    assert len([record for record in records if "every web page" in record["event"]]) == warned
