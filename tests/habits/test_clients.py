"""What clients, and the programs between them and the server, do; and what becomes of it."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.fuzz.unresponsive import Behaviour, Point, UnresponsiveClient
from benchmarks.raw_client import RawClient
from tests.gateway.fakes import Gate, staged
from tests.gateway.http.test_tls import Authority
from tests.habits.table import Habit, rows
from tests.observing import PATIENCE_S, until
from voicegw.core.audio import PaceLimit
from voicegw.core.session import SessionOptions
from voicegw.errors import AudioTooFast
from voicegw.gateway.http import limited_connection
from voicegw.gateway.http.limited_connection import HandshakeOptions
from voicegw.gateway.http.probes import probes
from voicegw.gateway.http.tls import TlsOptions
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.telemetry import Metrics

LONG = "x" * 20_000  # a piece of a reply
DRAIN_S = 0.3
METHODS = "GET, HEAD, OPTIONS"
CHUNKED = "Transfer-Encoding: chunked"
GONE = ("gone", "stopped in time")

Given = Callable[[Authority], Awaitable[object]]


def leaves(point: Point, way: Behaviour, *, tls: bool = False) -> Given:
    """A client that goes so far. Seen: that its session and its connection are gone once their limits are
    over, and that the gateway stops in time while another such client is there."""

    async def see(authority: Authority) -> object:
        gate = Gate(
            handshake=HandshakeOptions(timeout_ms=500), tls=authority.options if tls else TlsOptions()
        )
        absent = UnresponsiveClient(point, way, authority.client() if tls else None)
        async with staged(
            gate=gate,
            resume=ResumeOptions(window_ms=100),
            drain_timeout_ms=round(DRAIN_S * 1000),
            send_timeout_ms=300,
            ping_interval_ms=300,
            ping_timeout_ms=300,
        ) as stage:
            stage.responder.pieces = [LONG]
            tasks = stage.value("tasks")
            with closing((await asyncio.to_thread(absent.run, stage.url)).socket):
                await until(lambda: not len(stage.gateway.sessions) and stage.value("tasks") == tasks)
            with closing((await asyncio.to_thread(absent.run, stage.url)).socket):
                began = time.monotonic()
                await stage.gateway.drain()
                await stage.gateway.stop()
                in_time = time.monotonic() - began < DRAIN_S + 2
        return "gone", "stopped in time" if in_time else "stopped late"

    return see


def sends(*pieces: tuple[float, float]) -> Given:
    """Audio: when, in seconds after the session began, and how many ms of it. Seen: the error, if any."""

    async def see(_: Authority) -> object:
        pace = PaceLimit(SessionOptions().max_burst_ms)
        pace.begin(0.0)
        try:
            for at_s, audio_ms in pieces:
                pace.admit(audio_ms, at_s)
        except AudioTooFast as error:
            return error.code
        return "taken"

    return see


def asks(request: str, *, prefix: str = "", tls: bool = False) -> Given:
    """An HTTP request: its first line and headers, and behind a blank line its body. Seen: the status, the
    length of the body, and which methods are allowed instead."""

    async def see(authority: Authority) -> object:
        gate = Gate(tls=authority.options if tls else TlsOptions())
        async with staged(gate=gate, path_prefix=prefix) as stage:
            reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
            with closing(writer):
                writer.write(request.replace("\n", "\r\n").encode())
                answer = (await asyncio.wait_for(reader.read(), PATIENCE_S)).decode()
        head, _, body = answer.partition("\r\n\r\n")
        allowed = re.findall(r"Allow: (.*)", head)
        return int(head.split()[1]), len(body), *(name.strip() for name in allowed)

    return see


def opens(query: str, *, prefix: str = "") -> Given:
    """A client that asks for a session at a path; seen is the answer's status."""

    async def see(_: Authority) -> object:
        async with staged(path_prefix=prefix) as stage:
            with RawClient(f"ws://127.0.0.1:{stage.port}{query}") as connection:
                return await asyncio.to_thread(connection.upgrade)

    return see


async def gives_up_its_place(_: Authority) -> object:
    """A client that stops reading has the only place. Seen: how a new client is answered once it was cut off,
    and how the client is, when it comes back then."""
    absent = UnresponsiveClient(Point.REPLY, Behaviour.STOPS_READING)
    gate = Gate(limits=LimitOptions(session_model_tokens=None))  # or the replies are too few to fill it
    async with staged(gate=gate, max_sessions=1, send_timeout_ms=300) as stage:
        stage.responder.pieces = [LONG]
        with closing((await asyncio.to_thread(absent.run, stage.url)).socket):
            await until(lambda: stage.value("sessions_detached") == 1)
            [host] = stage.gateway.sessions
            with RawClient(stage.url) as new, RawClient(f"{stage.url}?session={host.name}") as again:
                return [await asyncio.to_thread(connection.upgrade) for connection in (new, again)]


async def stays_though_refused(_: Authority) -> object:
    """A client that is refused and keeps its socket. Seen: the answer, and that its connection is gone."""
    async with staged() as stage:
        tasks = stage.value("tasks")
        with RawClient(f"{stage.url}?rate=1") as connection:
            answer = await asyncio.to_thread(connection.upgrade)
            await until(lambda: stage.value("tasks") == tasks)
    return answer, "gone"


async def is_taken_over(_: Authority) -> object:
    """A client that stops reading, whose session another connection takes. Seen: how that one is answered,
    and that the first one is gone."""
    absent = UnresponsiveClient(Point.GREETING, Behaviour.STOPS_READING)
    async with staged() as stage:
        with closing((await asyncio.to_thread(absent.run, stage.url)).socket):
            await until(lambda: stage.value("sessions") == 1)
            [host] = stage.gateway.sessions
            tasks = stage.value("tasks")
            with RawClient(f"{stage.url}?session={host.name}&epoch=1&last_seq=1") as again:
                answer = await asyncio.to_thread(again.upgrade)
                await until(lambda: stage.value("tasks") == tasks)  # as many as one connection has
            return answer, "gone"


async def holds_up_the_probes(_: Authority) -> object:
    """A client of a worker's probes that never finishes its request."""
    async with probes("127.0.0.1", 0, lambda: "", Metrics()) as url:
        streams = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        streams[1].write(b"GET /healthz HTTP/1.1\r\n")
        began = time.monotonic()
    with closing(streams[1]):
        return "stopped in time" if time.monotonic() - began < 5 else "stopped late"


HABITS: list[Habit[Given]] = [
    Habit("stops reading", "connected only", leaves(Point.CONNECTED, Behaviour.STOPS_READING), GONE),
    Habit("stops reading", "half a request", leaves(Point.REQUEST, Behaviour.STOPS_READING), GONE),
    Habit("stops reading", "before the first message", leaves(Point.GREETING, Behaviour.STOPS_READING), GONE),
    Habit("stops reading", "in mid-word", leaves(Point.SPEECH, Behaviour.STOPS_READING), GONE),
    Habit("stops reading", "during replies", leaves(Point.REPLY, Behaviour.STOPS_READING), GONE),
    Habit("stops reading", "after `end`", leaves(Point.CLOSE, Behaviour.STOPS_READING), GONE),
    Habit("stops reading", "half of TLS", leaves(Point.HANDSHAKE, Behaviour.STOPS_READING, tls=True), GONE),
    Habit(
        "stops reading", "TLS, during replies", leaves(Point.REPLY, Behaviour.STOPS_READING, tls=True), GONE
    ),
    Habit(
        "stops reading", "TLS, no shutdown", leaves(Point.SHUTDOWN, Behaviour.STOPS_READING, tls=True), GONE
    ),
    Habit("stops reading", "and holds the only place", gives_up_its_place, [101, 503]),
    Habit("stops reading", "refused", stays_though_refused, (400, "gone")),
    Habit("stops reading", "taken over by a newer connection", is_taken_over, (101, "gone")),
    Habit("stops reading", "at the probes of a worker", holds_up_the_probes, "stopped in time"),
    Habit("vanishes", "before the first message", leaves(Point.GREETING, Behaviour.VANISHES), GONE),
    Habit("vanishes", "during replies", leaves(Point.REPLY, Behaviour.VANISHES), GONE),
    Habit("vanishes", "half of TLS, by a reset", leaves(Point.HANDSHAKE, Behaviour.RESETS, tls=True), GONE),
    Habit("vanishes", "TLS, in mid-word, by a reset", leaves(Point.SPEECH, Behaviour.RESETS, tls=True), GONE),
    Habit("HTTP", "GET", asks("GET /healthz HTTP/1.1\n\n"), (200, 3)),
    Habit("HTTP", "HEAD", asks("HEAD /healthz HTTP/1.1\n\n"), (200, 0)),
    Habit("HTTP", "HEAD of the metrics", asks("HEAD /metrics HTTP/1.1\n\n"), (200, 0)),
    Habit("HTTP", "HEAD of nothing", asks("HEAD /nothing HTTP/1.1\n\n"), (404, 0)),
    Habit("HTTP", "HEAD of the stream", asks("HEAD /v1/stream HTTP/1.1\n\n"), (426, 0)),
    Habit("HTTP", "OPTIONS", asks("OPTIONS /v1/stream HTTP/1.1\n\n"), (204, 0, METHODS)),
    Habit("HTTP", "POST", asks("POST /healthz HTTP/1.1\n\n"), (405, 0, METHODS)),
    Habit("HTTP", "POST with a body", asks("POST / HTTP/1.1\nContent-Length: 2\n\n{}"), (405, 0, METHODS)),
    Habit("HTTP", "POST in chunks", asks(f"POST / HTTP/1.1\n{CHUNKED}\n\n0\n\n"), (405, 0, METHODS)),
    Habit("HTTP", "PUT with a body", asks("PUT /x HTTP/1.1\nContent-Length: 2\n\n{}"), (405, 0, METHODS)),
    Habit("HTTP", "GET with a body", asks("GET / HTTP/1.1\nContent-Length: 2\n\n{}"), (400, 39)),
    Habit("HTTP", "no HTTP at all", asks("hello\n\n"), (400, 39)),
    Habit("path prefix", "a page behind it", asks("GET /a/b/readyz HTTP/1.1\n\n", prefix="/a/b"), (200, 6)),
    Habit("path prefix", "a page without it", asks("HEAD /readyz HTTP/1.1\n\n", prefix="/a/b"), (404, 0)),
    Habit("path prefix", "a longer word", asks("HEAD /abc/readyz HTTP/1.1\n\n", prefix="/a"), (404, 0)),
    Habit("path prefix", "a session behind it", opens("/voice/v1/stream", prefix="/voice"), 101),
    Habit("path prefix", "a session without it", opens("/v1/stream", prefix="/voice"), 404),
    Habit("languages", "one that Whisper knows", opens("/v1/stream?lang=haw"), 101),
    Habit("languages", "to be found out", opens("/v1/stream?lang=auto"), 101),
    Habit("languages", "one that nobody speaks", opens("/v1/stream?lang=xx"), 400),
    Habit("stalls", "5.5 s of the network, after 2 s of audio", sends((2.0, 2_000), (7.5, 5_500)), "taken"),
    Habit("stalls", "a minute, three times", sends((60, 60_000), (120, 60_000), (180, 60_000)), "taken"),
    Habit("stalls", "before the first audio", sends((8.0, 8_000), (8.0, 5_000)), "taken"),
    Habit("stalls", "not at all, and sends a recording", sends((0.0, 5_100)), "audio_too_fast"),
    Habit("stalls", "and sends it twice", sends((7.5, 7_500), (7.5, 7_500)), "audio_too_fast"),
]


@pytest.mark.usefixtures("virtual_clock")
@pytest.mark.parametrize("habit", rows(HABITS))
async def test_habit(habit: Habit[Given], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_connection, "CLOSE_S", 0.3)
    assert await habit.given(Authority(tmp_path)) == habit.expected
