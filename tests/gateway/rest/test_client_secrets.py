"""Tokens for browsers, issued by the gateway."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.gateway.auth.test_authenticator import OPTIONS, SECRET, authenticator, bearer, token
from tests.gateway.fakes import Gate, staged
from tests.gateway.rest.caller import asked, calling, sent, transcribed
from tests.observing import PATIENCE_S
from tests.peer import joined
from voicegw.dialects.openai_realtime.dialect import RealtimeDialect
from voicegw.errors import ScopeMissing, TokensNotIssued
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import Authenticator, Scopes, SingleUse, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.auth.signing_keys import Algorithm
from voicegw.gateway.rest import client_secrets
from voicegw.gateway.rest.http_exchange import HttpExchange

ISSUER = token(scope="issue:tokens rate:16000")
SESSION: Any = {
    "type": "realtime",
    "instructions": "You take orders.",
    "audio": {"input": {"transcription": {"language": "de"}}, "output": {"voice": "en-gb"}},
}


async def created(client: AsyncOpenAI, **options: Any) -> Any:
    return await client.realtime.client_secrets.create(**options)


async def test_a_secret_opens_a_session_with_its_properties() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, calling(stage, ISSUER) as client:
        secret = await created(client, session=SESSION, expires_after={"anchor": "created_at", "seconds": 60})
        async with joined(stage.url, **bearer(secret.value)) as peer:
            assert peer is not None
        async with calling(stage, secret.value) as browser:
            await transcribed(browser)
        assert stage.recognizer.jobs[0].language == "de"
    assert secret.value.startswith("ek_")
    assert (secret.session.type, secret.session.instructions) == ("realtime", "You take orders.")


async def test_a_browser_opens_a_realtime_session_with_a_secret() -> None:
    dialects = [RealtimeDialect(speaks=False)]
    async with staged(gate=Gate(tokens=OPTIONS), dialects=dialects) as stage:
        async with calling(stage, token(scope="issue:tokens")) as client:
            secret = (await created(client, session=SESSION)).value
        shown = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret}")]
        url = f"ws://127.0.0.1:{stage.port}/v1/realtime?model=gpt-realtime"
        async with connect(url, subprotocols=shown, proxy=None) as socket:
            assert socket.subprotocol == "realtime"
            event = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
    assert event["type"] == "session.created"


def test_what_a_token_states() -> None:
    door = authenticator()
    value, _ = door.issue(door.identify(ISSUER, ""), 60, {"instructions": "Be brief."})
    issued = door.identify(value, "203.0.113.7")
    assert (issued.user, issued.scopes) == ("alice", Scopes((("rate", "16000"),)))
    assert (issued.fixed.instructions, issued.token) == ("Be brief.", None)
    assert door.identify(value.removeprefix("ek_"), "").user == "alice"


def test_a_token_that_was_issued_issues_none() -> None:
    door = authenticator()
    value, _ = door.issue(door.identify(ISSUER, ""), 60, {})
    with pytest.raises(ScopeMissing):
        door.issue(door.identify(value, ""), 60, {})


def test_what_the_first_token_fixes_stays() -> None:
    door = authenticator()
    fixing = door.identify(token(scope="issue:tokens", session={"language": "fr", "tools": ["menu"]}), "")
    value, _ = door.issue(fixing, 60, {"language": "de", "instructions": "x"})
    fixed = door.identify(value, "").fixed
    assert (fixed.language, fixed.tools, fixed.instructions) == ("fr", ("menu",), "x")


def test_the_longest_validity_and_single_use_hold() -> None:
    door = authenticator(max_ttl_s=30, single_use=SingleUse.ALWAYS)
    issuer = token(scope="issue:tokens", jti="1", exp=time.time() + 20)
    value, expires_at = door.issue(door.identify(issuer, ""), 600, {})
    assert door.identify(value, "").token is not None
    assert expires_at <= time.time() + 30


async def test_who_may_not_have_tokens_issued() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, calling(stage, token()) as client:
        with pytest.raises(openai.PermissionDeniedError) as refused:
            await created(client)
    assert refused.value.code == "scope_missing"


SECRETS = "/v1/realtime/client_secrets"


async def test_the_scope_is_checked_before_the_body_is_read() -> None:
    head = f"POST {SECRETS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token()}\r\n"
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        answer = await sent(stage, f"{head}Content-Length: 100\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")


def chunked(chunks: int, size: int) -> bytes:
    """A request with a body of so many chunks."""
    head = f"POST {SECRETS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + (b"%x\r\n%b\r\n" % (size, b" " * size)) * chunks + b"2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("chunks", "size", "status"), [(3_900, 1, b"200"), (4_300, 10, b"400"), (65_000, 1, b"400")]
)
async def test_the_number_of_chunks_is_limited(chunks: int, size: int, status: bytes) -> None:
    async with staged() as stage:
        assert (await sent(stage, chunked(chunks, size))).startswith(b"HTTP/1.1 " + status)


async def test_many_chunks_leave_others_their_turn() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    reader = asyncio.StreamReader()
    reader.feed_data(chunked(3_900, 1))
    exchange = HttpExchange(reader, None)  # type: ignore[arg-type]
    assert await exchange.receive()
    counting = asyncio.create_task(count())
    assert len(await client_secrets.read(exchange)) == 3_902
    counting.cancel()
    assert turns >= 3_900 // 64


BAD = {
    "no JSON": b"{",
    "no text": b'"\xfc"',
    "too short": b'{"expires_after": {"seconds": 9}}',
    "instructions that are no text": b'{"session": {"instructions": 5}}',
    "instructions too long for a header": b'{"session": {"instructions": "' + b"x" * 7_900 + b'"}}',
    "instructions too long": b'{"session": {"instructions": "' + b"x" * 8_001 + b'"}}',
    "no language": b'{"session": {"audio": {"input": {"transcription": {"language": "xxxxxxxxx"}}}}}',
    "nested": b'{"session": ' + b"[" * 30_000,
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_refused(name: str) -> None:
    headers = {"Authorization": f"Bearer {ISSUER}"}
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        response = await asked(stage, "POST", SECRETS, content=BAD[name], headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_parameter")


async def test_a_request_that_is_too_big() -> None:
    async with staged() as stage:
        response = await asked(stage, "POST", SECRETS, content=bytes(70_000))
    assert response.status_code == 413


async def test_a_request_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_secrets, "TIMEOUT_S", 0.1)
    head = f"POST {SECRETS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{"
    async with staged() as stage:
        assert (await sent(stage, head.encode())).startswith(b"HTTP/1.1 408 ")


async def test_in_development_any_secret_will_do() -> None:
    async with staged() as stage, calling(stage) as client:
        secret = await created(client)
        async with connect(stage.url, proxy=None, **bearer(secret.value)):
            pass
    assert secret.value.startswith("ek_")


def test_a_gateway_with_public_keys_issues_none(tmp_path: Path) -> None:
    private = tmp_path / "signing.json"
    private.write_text(json.dumps({"keys": [keys.generate(Algorithm.EDDSA, "a")]}))
    public = tmp_path / "keys.json"
    public.write_text(json.dumps({"keys": keys.public_keys(private)}))
    signing = Authenticator(TokenOptions(secret=SECRET), LocalReplayCache())
    identity = signing.identify(ISSUER, "")
    door = Authenticator(TokenOptions(keys=str(public)), LocalReplayCache())
    with pytest.raises(TokensNotIssued):
        door.issue(identity, 60, {})
