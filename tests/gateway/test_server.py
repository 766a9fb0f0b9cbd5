"""Admission and the plain HTTP pages, over real sockets."""

import asyncio
import json
import urllib.error
import urllib.request
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.message import Message

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.gateway.fakes import Stage, staged
from tests.observing import PATIENCE_S, until
from tests.peer import joined
from voicegw.dialects import native
from voicegw.errors import RETRY_AFTER_MS

pytestmark = pytest.mark.usefixtures("virtual_clock")


@dataclass
class Page:
    status: int
    headers: Message
    body: bytes


async def get(stage: Stage, path: str, **headers: str) -> Page:
    """A page of the gateway, without a proxy."""
    request = urllib.request.Request(stage.root + path, headers=headers)

    def fetch() -> Page:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE_S) as response:
                return Page(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, error.headers, error.read())

    return await asyncio.to_thread(fetch)


async def refusal(url: str) -> tuple[int, str, str | None]:
    """Status, code and Retry-After with which an upgrade is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, proxy=None):
            pass
    response = refused.value.response
    assert response.body is not None
    body = json.loads(response.body)["error"]
    assert body["retryable"] is ("Retry-After" in response.headers)
    wait_ms = body["retry_after_ms"]
    assert RETRY_AFTER_MS <= wait_ms < 2 * RETRY_AFTER_MS if body["retryable"] else wait_ms is None
    assert body["message"]
    return response.status_code, body["code"], response.headers.get("Retry-After")


async def test_is_healthy_before_it_is_ready() -> None:
    async with staged() as stage:
        stage.warm.clear()
        assert (await get(stage, "/healthz")).status == 200
        page = await get(stage, "/readyz")
        assert (page.status, page.headers["Retry-After"]) == (503, "2")
        error = json.loads(page.body)["error"]
        assert (error["code"], error["message"]) == ("not_ready", "nothing is warm")
        stage.warm.set()
        assert (await get(stage, "/readyz")).status == 200


async def test_metrics_are_in_prometheus_text_format() -> None:
    async with staged() as stage, joined(stage.url):
        page = await get(stage, "/metrics")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/plain; version=")
    assert b"\nvoicegw_sessions 1.0\n" in page.body


@pytest.mark.parametrize("path", ["/v1", "/v1/stream/", "/v1/streams", "/healthz/x", "//healthz"])
async def test_nothing_is_elsewhere(path: str) -> None:
    async with staged() as stage:
        page = await get(stage, path)
    assert page.status == 404
    assert page.headers["Content-Type"] == "application/json"
    assert json.loads(page.body)["error"]["code"] == "not_found"


async def test_a_browser_that_opens_the_stream_is_told_to_upgrade() -> None:
    async with staged() as stage:
        assert (await get(stage, native.PATH)).status == 426


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("rate=44100", "unsupported_rate"),
        ("rate=", "unsupported_rate"),
        ("rate=8000.0", "unsupported_rate"),
        ("format=opus", "unsupported_format"),
        ("reply=video", "unsupported_reply"),
        ("lang=english", "invalid_parameter"),
        ("color=red", "invalid_parameter"),
    ],
)
async def test_what_cannot_be_done_is_refused(query: str, code: str) -> None:
    async with staged() as stage:
        assert await refusal(f"{stage.url}?{query}") == (400, code, None)
        assert stage.value("refused_total", code=code) == 1


@pytest.mark.parametrize(
    "query",
    ["", "rate=48000", "format=alaw", "reply=none&lang=en", "lang=auto", "rate=8000&format=mulaw"],
)
async def test_what_can_be_done_is_served(query: str) -> None:
    async with staged() as stage, joined(stage.url, query) as peer:
        assert peer.of(native.ReadyMessage)


async def test_nobody_is_let_in_before_it_is_ready() -> None:
    async with staged() as stage:
        stage.warm.clear()
        assert await refusal(stage.url) == (503, "not_ready", "2")


async def test_only_refused_clients_are_counted_as_such() -> None:
    async with staged() as stage:
        stage.warm.clear()
        for path in ("/readyz", "/nowhere", native.PATH):  # probes and pages
            assert (await get(stage, path)).status >= 400
        assert not stage.value("refused_total", code="not_ready")
        assert not stage.value("refused_total", code="not_found")
        await refusal(stage.url)
        assert stage.value("refused_total", code="not_ready") == 1


async def test_a_full_server_refuses_until_someone_leaves() -> None:
    async with staged(max_sessions=1) as stage:
        async with joined(stage.url):
            assert await refusal(stage.url) == (503, "at_capacity", "2")
        await until(lambda: stage.value("sessions") == 0)
        async with joined(stage.url):
            assert stage.value("sessions") == 1


async def test_many_connections_at_once_do_not_overfill() -> None:
    async with staged(max_sessions=3) as stage, AsyncExitStack() as stack:
        attempts = (stack.enter_async_context(joined(stage.url)) for _ in range(20))
        arrived = await asyncio.gather(*attempts, return_exceptions=True)
        refused = [each for each in arrived if isinstance(each, InvalidStatus)]
        assert len(refused) == 17
        assert stage.value("sessions") == 3


async def test_nobody_is_let_in_while_draining() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(native.TextMessage(text="hello"))
        await peer.until(native.ReplyStartedMessage)
        draining = asyncio.create_task(stage.gateway.drain())
        await peer.until(native.GoingAwayMessage)
        assert await refusal(stage.url) == (503, "draining", "2")
        assert (await get(stage, "/readyz")).status == 503
        assert (await get(stage, "/healthz")).status == 200
        stage.responder.gate.set()
        await draining


async def test_draining_with_nobody_there_is_quick() -> None:
    async with staged(drain_timeout_ms=600_000) as stage:
        await asyncio.wait_for(stage.gateway.drain(), PATIENCE_S)


async def test_stopping_closes_who_is_left() -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(native.TextMessage(text="hello"))
        await peer.until(native.ReplyDeltaMessage)
        await stage.gateway.stop()
        assert await peer.closed() == 1012
    assert stage.responder.stopped.is_set()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, None),
        ([native.SUBPROTOCOL], native.SUBPROTOCOL),
        ([native.SUBPROTOCOL, "bearer.abc"], native.SUBPROTOCOL),
        (["bearer.abc", native.SUBPROTOCOL], native.SUBPROTOCOL),
        (["chat"], None),
    ],
)
async def test_the_subprotocol_is_chosen_if_offered(offered: list[str] | None, chosen: str | None) -> None:
    subprotocols = None if offered is None else [Subprotocol(name) for name in offered]
    async with staged() as stage, joined(stage.url, subprotocols=subprotocols) as peer:
        assert peer.socket.subprotocol == chosen


async def test_sessions_have_names_of_their_own() -> None:
    async with staged() as stage, joined(stage.url) as first, joined(stage.url) as second:
        names = {peer.of(native.ReadyMessage)[0].session for peer in (first, second)}
    assert len(names) == 2


async def test_two_gateways_cannot_share_a_port() -> None:
    async with staged() as stage:
        with pytest.raises(OSError, match="in use"):
            async with staged(port=int(stage.root.rpartition(":")[2])):
                pass
