"""A dialect that is made up here, unlike the others in every way that the port allows: what the port promises
to whoever adds one, without a change to the gateway."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import SPOKEN, Gate, ScriptedVoice, Stage, staged
from tests.observing import until
from voicegw.core import commands, events
from voicegw.core.commands import ReplyMode
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import (
    Audio,
    Codec,
    Dialect,
    Frame,
    Handshake,
    Opening,
    Received,
    ReplyAudio,
)
from voicegw.errors import MalformedMessage, UnsupportedFormat, VoicegwError
from voicegw.gateway.http.limited_connection import HandshakeOptions
from voicegw.gateway.limits.rate_limits import LimitOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")


class LineCodec(Codec):
    """Lines of text: `open TOKEN`, then hexadecimal audio, `text WORDS` or `stop`."""

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        match str(frame).split(" ", 1):
            case ["open", key]:
                return [Opening(SessionProfile(reply=ReplyMode.AUDIO), key)]
            case ["audio", digits]:
                return [Audio(bytes.fromhex(digits))]
            case ["text", words]:
                return [commands.TypeText(words)]
            case ["stop"]:
                return [commands.Cancel()]
            case ["noise"]:
                return []
            case _:
                raise MalformedMessage(str(frame)[:20])

    def send_event(self, event: events.Event, number: int) -> Iterable[Frame]:
        match event:
            case events.FinalTranscript(text=text):
                return [Frame(b"heard"), Frame(text.encode())]  # two frames for one event
            case events.ReplyDone(text=text, reason=reason):
                return [Frame(f"done {reason}".encode())]
            case events.Fault(code):
                return [Frame(f"fault {code}".encode())]
            case _:
                return []

    def send_audio(self, audio: ReplyAudio) -> Iterable[Frame]:
        return [Frame(f"audio {audio.turn} {len(audio.data)}".encode())]

    def stop_audio(self) -> Iterable[Frame]:
        return [Frame(b"silence")]

    def refuse(self, error: VoicegwError) -> Iterable[Frame]:
        return [Frame(f"refused {error.code}".encode())]

    def end(self, error: VoicegwError | None) -> Iterable[Frame]:
        return [Frame(f"over {'' if error is None else error.code}".encode())]

    def close(self, error: VoicegwError | None) -> tuple[int, str]:
        return (4000, "bye") if error is None else (4999, error.code)


class LineDialect(Dialect):
    """Says what it wants in its first line, and cannot be resumed."""

    name = "line"
    path = "/lines"
    subprotocols = ("line.2", "line.1")
    max_message_bytes = 100_000

    def serves(self, path: str) -> bool:
        return path.startswith(self.path)

    def connect(self, handshake: Handshake) -> Codec:
        if handshake.path.endswith("/nowhere"):
            raise UnsupportedFormat("nowhere")
        return LineCodec()


@asynccontextmanager
async def lines(**options: Any) -> AsyncIterator[Stage]:
    async with staged(voice=ScriptedVoice(), dialects=[LineDialect()], **options) as stage:
        yield stage


def url(stage: Stage, path: str = "/lines/any") -> str:
    return stage.url.rpartition("/v1/")[0] + path


@asynccontextmanager
async def line(stage: Stage, opening: str = "open sesame", **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(url(stage), proxy=None, **options) as socket:
        if opening:
            await socket.send(opening)
        yield socket


async def until_line(socket: ClientConnection, wanted: str) -> list[str]:
    """What is received up to and with the first line that begins so."""
    received: list[str] = []
    async with asyncio.timeout(10):
        while not received or not received[-1].startswith(wanted):
            received.append(str(await socket.recv()))
    return received


async def closed(socket: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(10):
        await socket.wait_closed()
    return socket.close_code or 0, socket.close_reason or ""


async def test_what_is_said_is_heard_and_answered_in_the_dialect_s_own_frames() -> None:
    async with lines() as stage, line(stage) as socket:
        for begin in range(0, len(SPOKEN), 3_200):
            await socket.send(f"audio {SPOKEN[begin : begin + 3_200].hex()}")
        received = await until_line(socket, "done")
    assert received[:2] == ["heard", "hello there"]
    assert any(each.startswith("audio 1 ") for each in received)
    assert received[-1] == "done completed"


async def test_what_is_not_played_yet_is_stopped() -> None:
    async with lines() as stage, line(stage) as socket:
        stage.responder.pieces = ["A long reply. "] * 20
        await socket.send("text tell me")
        await until_line(socket, "audio")
        await socket.send("stop")
        assert "silence" in await until_line(socket, "done cancelled")


@pytest.mark.parametrize(
    ("offered", "chosen"), [(["line.1", "line.2"], "line.2"), (["line.1"], "line.1"), (["other"], None)]
)
async def test_the_best_subprotocol_is_selected(offered: list[str], chosen: str | None) -> None:
    async with lines() as stage, line(stage, subprotocols=[Subprotocol(each) for each in offered]) as socket:
        assert socket.subprotocol == chosen


async def test_a_request_that_the_dialect_refuses_is_not_upgraded() -> None:
    async with lines() as stage:
        with pytest.raises(InvalidStatus) as answer:
            async with connect(url(stage, "/lines/nowhere"), proxy=None):
                pass
    assert b"unsupported_format" in (answer.value.response.body or b"")


async def test_a_token_may_come_in_the_first_frame() -> None:
    async with lines(gate=Gate(tokens=OPTIONS)) as stage:
        async with line(stage, f"open {token()}") as socket:
            await socket.send("text hello")
            await until_line(socket, "done completed")
        async with line(stage, "open nonsense") as socket:
            assert await until_line(socket, "refused") == ["refused token_invalid"]
            assert await closed(socket) == (1008, "token_invalid")
        assert stage.value("refused_total", code="token_invalid") == 1


async def test_scopes_hold_for_every_dialect() -> None:
    async with (
        lines(gate=Gate(tokens=OPTIONS)) as stage,
        line(stage, f"open {token(scope='reply:none')}") as it,
    ):
        assert await until_line(it, "refused") == ["refused scope_missing"]


async def test_limits_hold_for_every_dialect() -> None:
    gate = Gate(tokens=OPTIONS, limits=LimitOptions(user_open=1))
    async with lines(gate=gate) as stage, line(stage, f"open {token()}") as first:
        await first.send("text hello")
        await until_line(first, "done")
        async with line(stage, f"open {token()}") as second:
            assert await until_line(second, "refused") == ["refused too_many_connections"]


async def test_who_does_not_say_what_it_wants_is_let_go_in_time() -> None:
    gate = Gate(handshake=HandshakeOptions(timeout_ms=200))
    async with lines(gate=gate) as stage, line(stage, "noise") as socket:
        assert await until_line(socket, "refused") == ["refused idle_timeout"]
        assert await closed(socket) == (1008, "idle_timeout")
        assert not stage.value("sessions")


async def test_those_who_have_not_said_what_they_want_count_as_handshakes() -> None:
    gate = Gate(handshake=HandshakeOptions(max_pending=1))
    async with lines(gate=gate) as stage, line(stage, "") as first:
        with pytest.raises((InvalidMessage, OSError)):
            async with line(stage, "", open_timeout=5):
                pass
        await first.send("open sesame")
        await until(lambda: stage.value("sessions"))
        async with line(stage) as second:
            await second.send("text hello")
            await until_line(second, "done")


@pytest.mark.parametrize("first", ["audio 00", "text hello", "gibberish"])
async def test_nothing_comes_before_the_opening(first: str) -> None:
    async with lines() as stage, line(stage, first) as socket:
        assert (await until_line(socket, "refused"))[0] in (
            "refused invalid_state",
            "refused malformed_message",
        )
        assert not stage.value("sessions")


async def test_bad_frames_are_told_and_cost_their_sender_only() -> None:
    async with lines() as stage, line(stage) as socket:
        await socket.send("gibberish")
        assert await until_line(socket, "fault") == ["fault malformed_message"]
        await socket.send("open again")
        assert await until_line(socket, "fault") == ["fault invalid_state"]
        await socket.send("text hello")
        await until_line(socket, "done completed")


async def test_its_sessions_end_with_their_connections() -> None:
    async with lines() as stage:
        async with line(stage) as socket:
            await socket.send("text hello")
            await until_line(socket, "done")
            socket.transport.abort()
        await until(lambda: not stage.value("sessions"))


async def test_the_codec_chooses_the_last_frames_and_the_close_code() -> None:
    async with lines(max_errors=1) as stage, line(stage) as socket:
        for _ in range(3):
            await socket.send("gibberish")
        await until_line(socket, "over too_many_errors")
        assert await closed(socket) == (4999, "too_many_errors")
