"""What is said to those who are not let in."""

import json
import time
from typing import Any

import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.gateway.auth.test_authenticator import OPTIONS, SECRET, token
from tests.gateway.fakes import Gate, Stage, staged
from tests.gateway.rest.caller import sent
from tests.gateway.test_server import get
from tests.observing import until
from voicegw.errors import RETRY_AFTER_MS
from voicegw.gateway.auth.access import AccessOptions
from voicegw.gateway.auth.authenticator import TokenOptions
from voicegw.gateway.limits.rate_limits import LimitOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")


async def refusal(stage: Stage, **shown: Any) -> dict[str, Any]:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(stage.url, proxy=None, **shown):
            pass
    body: dict[str, Any] = json.loads(refused.value.response.body or b"")["error"]
    return body


async def test_those_who_are_refused_together_do_not_come_back_together() -> None:
    async with staged() as stage:
        stage.warm.clear()
        waits_ms = [(await refusal(stage))["retry_after_ms"] for _ in range(20)]
    assert min(waits_ms) >= RETRY_AFTER_MS
    assert len(set(waits_ms)) > 10


async def test_a_refusal_is_quick() -> None:
    async with staged() as stage:
        stage.warm.clear()
        began = time.monotonic()
        for _ in range(10):
            assert (await refusal(stage))["code"] == "not_ready"
        assert (
            time.monotonic() - began < 5
        )  # ten of them, on a machine that may be busy; see scripts/bench gateway


async def test_the_log_names_who_was_refused_and_why_but_not_a_flood() -> None:
    access = AccessOptions(behind_proxy=True)
    with structlog.testing.capture_logs() as records:
        async with staged(gate=Gate(access=access, tokens=TokenOptions(secret=SECRET))) as stage:
            await refusal(stage, additional_headers={"X-Forwarded-For": "203.0.113.7"})
            stage.warm.clear()
            await refusal(stage)
    told = [record for record in records if record["event"] == "refused"]
    assert [(each["log_level"], each["code"], each["address"]) for each in told] == [
        ("info", "token_missing", "203.0.113.7"),
        ("debug", "not_ready", "127.0.0.1"),
    ]
    assert told[1]["reason"] == "nothing is warm"


async def test_what_is_refused_counts_for_its_address_before_it_is_told() -> None:
    gate = Gate(limits=LimitOptions(address_connections="3/minute", exempt=()))
    asked = ("?rate=1", "?x=1", "?session=a/b", "?rate=1", "")
    with structlog.testing.capture_logs() as records:
        async with staged(gate=gate) as stage:
            for query in asked:
                with pytest.raises(InvalidStatus):
                    async with connect(stage.url + query, proxy=None):
                        pass
    told = [(each["log_level"], each["code"]) for each in records if each["event"] == "refused"]
    assert told == [
        ("info", "unsupported_rate"),
        ("info", "invalid_parameter"),
        ("info", "invalid_parameter"),
        ("debug", "rate_limited"),
        ("debug", "rate_limited"),
    ]


async def test_a_flood_is_told_of_now_and_then() -> None:
    with structlog.testing.capture_logs() as records:
        async with staged() as stage:
            began = time.monotonic()
            for _ in range(100):
                assert (await get(stage, "/v1/stream?rate=1")).status == 400
            elapsed_s = time.monotonic() - began
    told = [record for record in records if record["event"] == "refused"]
    assert 20 <= len(told) <= 21 + elapsed_s
    assert sum(1 + record.get("untold", 0) for record in told) <= 100


@pytest.mark.parametrize(
    "query", ["%F0%90%8D%88=1", "rate=%00", "format=%00", "reply=%00", "lang=%00", "session=a&epoch=%00"]
)
async def test_what_is_refused_is_quoted_shortly(query: str) -> None:
    name, _, value = query.rpartition("=")
    flood = f"{name * 600}={value}" if value == "1" else f"{name}={value * 2_000}"
    with structlog.testing.capture_logs() as records:
        async with staged() as stage:
            page = await get(stage, f"/v1/stream?{flood}")
            assert (await get(stage, f"/{'x' * 7_000}")).status == 404
    assert (page.status, len(page.body) < 700) == (400, True)
    assert all(len(json.dumps(record)) < 700 for record in records)


async def test_who_asks_whether_the_server_is_ready_puts_nobody_off() -> None:
    async with staged() as stage:
        stage.warm.clear()
        assert (await get(stage, "/readyz")).status == 503
        assert stage.gateway._admission._last_retry_at == 0.0
        await refusal(stage)
        assert stage.gateway._admission._last_retry_at > 0.0


async def test_who_asks_without_an_upgrade_uses_nothing_up() -> None:
    once = {"Authorization": f"Bearer {token(jti='1')}"}
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        accepts = stage.gateway._admission._accepts
        level = accepts._level
        page = await get(stage, "/v1/stream", **once)
        assert (page.status, page.headers["Upgrade"]) == (426, "websocket")
        assert (len(stage.gateway.sessions.seats), accepts._level) == (0, level)
        async with connect(stage.url, proxy=None, additional_headers=once) as socket:
            assert json.loads(await socket.recv())["type"] == "ready"


@pytest.mark.parametrize("lacking", ["Upgrade", "Connection"])
async def test_an_upgrade_that_is_not_asked_for_completely_uses_no_token_up(lacking: str) -> None:
    once = {"Authorization": f"Bearer {token(jti='1')}"}
    asked = {"Upgrade": "websocket", "Connection": "Upgrade"}
    del asked[lacking]
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **once, **asked}.items())
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        answer = await sent(stage, f"GET /v1/stream HTTP/1.1\r\n{head}\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 426 ")
        async with connect(stage.url, proxy=None, additional_headers=once):
            pass


async def test_who_asks_without_an_upgrade_gets_the_reason_of_a_refusal() -> None:
    once = {"Authorization": f"Bearer {token(jti='1')}"}
    async with staged(gate=Gate(tokens=OPTIONS), max_sessions=1) as stage:
        async with connect(stage.url, proxy=None, additional_headers=once):
            reasons = [await refusal(stage, additional_headers=once), await asked_plainly(stage, once)]
        await until(lambda: not stage.gateway.sessions.seats)
        reasons += [await refusal(stage, additional_headers=once), await asked_plainly(stage, once)]
        reasons.append(await asked_plainly(stage, {}))
    codes = [reason["code"] for reason in reasons]
    assert codes == ["at_capacity", "at_capacity", "token_used", "token_used", "token_missing"]


async def asked_plainly(stage: Stage, headers: dict[str, str]) -> dict[str, Any]:
    page = await get(stage, "/v1/stream", **headers)
    body: dict[str, Any] = json.loads(page.body)["error"]
    return body


async def test_metrics_are_for_listed_addresses_only() -> None:
    for networks, status in ((("127.0.0.0/8",), 200), (("10.0.0.0/8",), 404)):
        async with staged(gate=Gate(access=AccessOptions(metrics_from=networks))) as stage:
            page = await get(stage, "/metrics")
        assert page.status == status
