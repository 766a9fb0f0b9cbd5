"""Connections of the REST API: from the first byte to the end, and at the end of the server."""

import asyncio
import gc
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from tests.gateway.fakes import Gate, staged
from tests.gateway.http.test_tls import Authority
from tests.gateway.rest.caller import asked, calling, sent, transcribed
from tests.observing import PATIENCE_S, until
from voicegw.gateway.http.limited_connection import HandshakeOptions
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.rest.recordings import RestOptions

NOT_HTTP = b"GET /v1/models HTTP/1.1\r\nno header\r\n\r\n"


async def test_through_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context: ssl.SSLContext = authority.client()
    async with staged(gate=Gate(tls=authority.options)) as stage:
        url = f"https://127.0.0.1:{stage.port}/v1"
        http = httpx2.AsyncClient(verify=context)
        async with openai.AsyncOpenAI(
            base_url=url, api_key="none", max_retries=0, timeout=PATIENCE_S, http_client=http
        ) as client:
            assert (await transcribed(client)).text == "hello there"


@pytest.mark.parametrize(
    "request_bytes",
    [
        NOT_HTTP,
        b"GET /v1/models HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_what_is_not_http(request_bytes: bytes) -> None:
    async with staged() as stage:
        assert (await sent(stage, request_bytes)).startswith(b"HTTP/1.1 400 ")
        assert (await asked(stage, "GET", "/v1/models")).status_code == 200


async def test_what_is_not_http_counts_as_a_refused_connection_of_its_address() -> None:
    gate = Gate(limits=LimitOptions(address_connections="1/minute", exempt=()))
    async with staged(gate=gate) as stage:
        assert (await sent(stage, NOT_HTTP)).startswith(b"HTTP/1.1 400 ")
        assert (await sent(stage, NOT_HTTP)).startswith(b"HTTP/1.1 429 ")
        assert stage.value("refused_total", code="invalid_parameter") == 1
        assert stage.value("refused_total", code="rate_limited") == 1
        assert stage.value("rest_requests_total", path="other", status="400") == 1


async def test_who_resets_after_what_is_not_http_causes_no_error() -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    async with staged() as stage:
        with socket.create_connection(("127.0.0.1", stage.port)) as client:
            client.sendall(NOT_HTTP)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await until(lambda: stage.value("refused_total", code="invalid_parameter"))
        await until(lambda: "rest" not in {task.get_name() for task in asyncio.all_tasks()})
        gc.collect()  # a task reports its error when it is deleted
    assert errors == []


async def test_an_answer_does_not_repeat_what_is_not_http() -> None:
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    form = b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    async with staged() as stage:
        answer = await sent(stage, head + form + b"f" * 5_000 + b"\r\n")
    assert b"not an HTTP/1.1 request: illegal chunk header" in answer
    assert b"ffff" not in answer


async def test_one_request_a_connection() -> None:
    async with staged() as stage:
        request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = await sent(stage, request + request)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in answer


async def test_a_head_that_never_ends_loses_its_place() -> None:
    """And until then counts as an unfinished handshake, as all connections do."""
    gate = Gate(handshake=HandshakeOptions(max_pending=1))
    async with staged(gate=gate, rest=RestOptions(head_timeout_ms=1_000)) as stage:
        waiting = asyncio.create_task(sent(stage, b"GET /v1/models HTTP/1.1\r\nHost:"))
        await until(lambda: "rest" in {task.get_name() for task in asyncio.all_tasks()})
        with pytest.raises(httpx2.TransportError):
            await asked(stage, "GET", "/v1/models")
        assert await waiting == b""
        assert (await asked(stage, "GET", "/v1/models")).status_code == 200


async def test_a_server_told_to_stop_finishes_a_recording() -> None:
    async with staged() as stage, calling(stage) as client:
        stage.recognizer.gate.clear()
        running = asyncio.create_task(transcribed(client))
        await until(lambda: stage.recognizer.jobs)
        draining = asyncio.create_task(stage.gateway.drain())
        with pytest.raises(openai.InternalServerError) as refused:
            await transcribed(client)
        assert refused.value.code == "draining"
        stage.recognizer.gate.set()
        assert (await running).text == "hello there"
        await draining


async def test_a_recording_ends_with_the_server() -> None:
    async with staged(drain_timeout_ms=0) as stage, calling(stage) as client:
        stage.recognizer.gate.clear()
        running = asyncio.create_task(transcribed(client))
        await until(lambda: stage.recognizer.jobs)
        await stage.gateway.drain()
        await stage.gateway.stop()
        with pytest.raises(openai.APIConnectionError):
            await running
