"""The rules of the door in their order, over real sockets."""

import json
from typing import Any

import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.gateway.fakes import Gate, Stage, staged
from tests.gateway.test_auth import OPTIONS, bearer, token
from tests.peer import joined
from voicegw.gateway.access import AccessOptions
from voicegw.gateway.address import ProxyOptions


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
