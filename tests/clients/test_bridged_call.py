"""AudioSocket calls over real TCP through the bridge to a real gateway."""

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest

from benchmarks.relay import relay
from clients.audiosocket import SLIN, Kind, Packet, read_packet
from clients.bridged_call import BEGIN_S, Server
from clients.connector import Token
from clients.telephony_bridge import bridge
from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import LOUD, QUIET, Gate, ScriptedVoice, Stage, staged
from tests.observing import PATIENCE_S, descriptors, until
from voicegw.gateway.auth.authenticator import _LEEWAY_S

pytestmark = pytest.mark.usefixtures("virtual_clock")

CALL = uuid.UUID("e226e283-c90a-4ea9-9e37-389000b9ef47")
FRAME = 320
RATE_BYTES = 16_000  # of a second at 8 kHz
SPOKEN = LOUD + 2 * QUIET


class Pbx:
    """One call of a PBX. `heard`: the audio of replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.heard = b""
        self.times: list[float] = []

    async def send(self, kind: int, content: bytes = b"") -> None:
        self._writer.write(Packet(kind, content).encoded())
        await self._writer.drain()

    async def begin(self, kind: int = SLIN) -> None:
        await self.send(Kind.UUID, CALL.bytes)
        await self.send(kind, bytes(FRAME))

    async def say(self, audio: bytes, kind: int = SLIN) -> None:
        for begin in range(0, len(audio), FRAME):
            await self.send(kind, audio[begin : begin + FRAME])

    async def press(self, keys: str) -> None:
        for key in keys:
            await self.send(Kind.DTMF, key.encode())

    async def hear(self, milliseconds: int, kind: int = SLIN) -> None:
        """Waits for so much more of a reply."""
        wanted = len(self.heard) + milliseconds * RATE_BYTES // 1000
        while len(self.heard) < wanted:
            async with asyncio.timeout(PATIENCE_S):
                packet = await read_packet(self._reader)
            assert packet is not None
            assert (packet.kind, len(packet.content)) == (kind, FRAME if kind == SLIN else 2 * FRAME)
            self.heard += packet.content
            self.times.append(asyncio.get_running_loop().time())

    async def ended(self) -> bool:
        """Whether the bridge hangs up, after whatever audio is still to come."""
        async with asyncio.timeout(PATIENCE_S):
            while (packet := await read_packet(self._reader)) is not None:
                if packet.kind == Kind.HANG_UP:
                    return True
        return False

    async def hear_rest(self) -> int:
        """Waits until no more audio comes; the milliseconds that came."""
        before = len(self.heard)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self.hear(60_000)
        return (len(self.heard) - before) * 1000 // RATE_BYTES

    def hang_up(self) -> None:
        self._writer.close()


@asynccontextmanager
async def dialled(address: str, kind: int | None = SLIN) -> AsyncIterator[Pbx]:
    """A connection; the call begins unless `kind` is None."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    pbx = Pbx(reader, writer)
    try:
        if kind is not None:
            await pbx.begin(kind)
        yield pbx
    finally:
        writer.close()


@asynccontextmanager
async def exchange(
    *, max_calls: int = 10, key: Token | None = None, voice_s: float = 0.2, **staging: Any
) -> AsyncIterator[tuple[Stage, str]]:
    """A gateway, and the address of a bridge to it."""

    voice = ScriptedVoice(seconds=voice_s)
    async with staged(voice=voice, **staging) as stage, bridged(stage.url, max_calls, key) as address:
        yield stage, address


def bridged(url: str, max_calls: int = 10, key: Token | None = None) -> AbstractAsyncContextManager[str]:
    """A bridge to a server."""
    return bridge("127.0.0.1:0", Server(url, key), max_calls)


async def answered(stage: Stage, pbx: Pbx) -> None:
    await pbx.press("1#")
    await pbx.hear(200)
    assert stage.responder.prompts[-1][-1].content == "1"


async def test_a_caller_is_answered_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    async with exchange() as (stage, address), dialled(address) as pbx:
        stage.recognizer.text = "is it raining"
        await pbx.say(SPOKEN)
        await pbx.hear(200)
        assert stage.responder.prompts[-1][-1].content == "is it raining"
        assert set(pbx.heard) != {0}
    assert f"call {CALL}: session " in capsys.readouterr().err


async def test_replies_are_sent_in_real_time() -> None:
    async with exchange(voice_s=2) as (_, address), dialled(address) as pbx:
        await pbx.press("1#")
        await pbx.hear(2_000)
        assert pbx.times[-1] - pbx.times[0] > 1.5


async def test_a_reply_that_is_spoken_over_stops() -> None:
    async with exchange(voice_s=10) as (stage, address), dialled(address) as pbx:
        stage.responder.pieces = ["One two three four five six seven eight nine ten."]
        await pbx.say(SPOKEN)
        await pbx.hear(3_000)
        stage.recognizer.text = "no wait stop that"
        stage.responder.pieces = ["Good day."]
        await pbx.say(SPOKEN)
        await until(lambda: len(stage.responder.prompts) == 2)
        assert stage.responder.prompts[-1][-2].content.endswith("[cut off]")


@pytest.mark.parametrize(("said", "continues"), [("and tomorrow", False), ("", True)])
async def test_the_end_of_a_reply_is_not_played_after_words_over_it(said: str, continues: bool) -> None:
    async with exchange(voice_s=2) as (stage, address), dialled(address) as pbx:
        stage.responder.pieces = ["Good day."]
        await pbx.press("1#")
        await pbx.hear(1_700)
        stage.recognizer.gate.clear()
        await pbx.say(LOUD)
        heard_ms = 1_700 + await pbx.hear_rest()
        assert heard_ms < 1_900
        stage.recognizer.text, stage.responder.pieces = said, []
        stage.recognizer.gate.set()
        await pbx.say(2 * QUIET)
        assert await pbx.hear_rest() == (2_000 - heard_ms if continues else 0)


async def test_keys_are_a_message() -> None:
    async with exchange() as (stage, address), dialled(address) as pbx:
        await pbx.press("42#")
        await pbx.hear(200)
        assert stage.responder.prompts[-1][-1].content == "42"
        await pbx.press("7")
        await pbx.say(bytes(3 * RATE_BYTES))
        await pbx.hear(200)
        assert stage.responder.prompts[-1][-1].content == "7"


async def test_audio_of_16_khz_is_answered_in_its_own_type() -> None:
    async with exchange() as (_, address), dialled(address, 0x12) as pbx:
        await pbx.press("1#")
        await pbx.hear(400, 0x12)


async def test_an_odd_number_of_bytes_shifts_no_sample() -> None:
    async with exchange() as (stage, address), dialled(address) as pbx:
        for begin in range(0, len(SPOKEN), 321):
            await pbx.send(SLIN, SPOKEN[begin : begin + 321])
        await pbx.hear(200)
        assert stage.responder.prompts[-1][-1].content == "hello there"


@pytest.mark.parametrize("packet", [True, False])
async def test_a_pbx_that_hangs_up_ends_the_session(packet: bool) -> None:
    async with exchange() as (stage, address), dialled(address) as pbx:
        await answered(stage, pbx)
        if packet:
            await pbx.send(Kind.HANG_UP)
            assert await pbx.ended()
        else:
            pbx.hang_up()
        await until(lambda: stage.value("sessions") == 0)


async def test_a_pbx_that_does_not_read_is_disconnected(capsys: pytest.CaptureFixture[str]) -> None:
    async with exchange(voice_s=60) as (stage, address):
        before = descriptors()
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # or loopback buffers megabytes
        host, _, port = address.rpartition(":")
        line.connect((host, int(port)))
        reader, writer = await asyncio.open_connection(sock=line, limit=FRAME)
        pbx = Pbx(reader, writer)
        await pbx.begin(0x16)
        await pbx.press("1#")
        await until(lambda: stage.responder.prompts)
        await until(lambda: descriptors() == before + 1)
        writer.transport.abort()
    assert "did not read" in capsys.readouterr().err


async def test_a_server_that_ends_the_session_hangs_up() -> None:
    async with exchange(idle_timeout_ms=1_000) as (_, address), dialled(address) as pbx:
        assert await pbx.ended()


@pytest.mark.parametrize(
    ("packets", "reason"),
    [
        ([Packet(SLIN, bytes(FRAME))], "not the id"),
        ([Packet(Kind.UUID, b"short")], "not the id"),
        ([Packet(Kind.UUID, CALL.bytes), Packet(0x11, bytes(480))], "0x11"),
        ([Packet(0x47, b"ET / HTTP/1.1")], "not the id"),
        ([Packet(Kind.UUID, CALL.bytes), Packet(SLIN, bytes(FRAME)), Packet(0x12, b"")], "0x12"),
        ([Packet(Kind.UUID, CALL.bytes), Packet(SLIN, b""), Packet(Kind.DTMF, b"x")], "key"),
        ([Packet(Kind.UUID, CALL.bytes), Packet(SLIN, b""), Packet(Kind.ERROR, b"\1")], "error 01"),
        ([Packet(Kind.UUID, CALL.bytes)], f"within {BEGIN_S:g} s"),
    ],
)
async def test_what_is_wrong_is_reported_and_ends_only_its_call(
    packets: list[Packet], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with exchange() as (stage, address), dialled(address) as other:
        await answered(stage, other)
        async with dialled(address, None) as pbx:
            for packet in packets:
                await pbx.send(packet.kind, packet.content)
            assert await pbx.ended()
        await answered(stage, other)
    assert reason in capsys.readouterr().err


async def test_a_server_that_refuses_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    async with exchange(gate=Gate(tokens=OPTIONS)) as (_, address), dialled(address) as pbx:
        assert await pbx.ended()
    assert "token_missing" in capsys.readouterr().err


async def test_a_token_is_passed_on() -> None:
    gate = Gate(tokens=OPTIONS)
    async with exchange(gate=gate, key=token()) as (stage, address), dialled(address) as pbx:
        await answered(stage, pbx)


async def test_a_call_whose_token_has_expired_reconnects_with_a_new_one() -> None:
    expires_at = time.time() + 1
    made = iter([token(exp=expires_at - _LEEWAY_S), token()])

    async def get_token() -> str:
        return next(made)

    async with (
        staged(gate=Gate(tokens=OPTIONS), voice=ScriptedVoice(seconds=0.2)) as stage,
        relay(stage.url) as line,
        bridged(line.url, key=get_token) as address,
        dialled(address) as pbx,
    ):
        await answered(stage, pbx)
        await until(lambda: time.time() > expires_at)
        line.cut()
        await answered(stage, pbx)
        assert line.connections == 2
        assert stage.value("sessions") == 1


@asynccontextmanager
async def slow_exchange() -> AsyncIterator[tuple[Stage, str, asyncio.Event]]:
    """As `exchange`; the token of a call is there when the event is set."""
    given = asyncio.Event()

    async def get_token() -> str:
        await given.wait()
        return token()

    async with (
        staged(voice=ScriptedVoice(seconds=0.2)) as stage,
        bridge("127.0.0.1:0", Server(stage.url, get_token), 10) as address,
    ):
        yield stage, address, given


async def test_what_is_said_long_before_the_session_is_open_does_not_end_it() -> None:
    async with slow_exchange() as (stage, address, given), dialled(address) as pbx:
        await pbx.press("42#")
        for _ in range(12):
            await pbx.say(bytes(RATE_BYTES))
            await asyncio.sleep(1)
        await pbx.say(LOUD)
        given.set()
        await pbx.say(2 * QUIET)
        await until(lambda: len(stage.responder.prompts) == 2)
        assert [prompt[-1].content for prompt in stage.responder.prompts] == ["42", "hello there"]
        await pbx.hear(200)


async def test_a_pbx_that_hangs_up_before_the_session_is_open_opens_none() -> None:
    async with slow_exchange() as (stage, address, given), dialled(address) as pbx:
        await pbx.send(Kind.HANG_UP)
        assert await pbx.ended()
        given.set()
        assert stage.value("connections_opened_total") == 0


async def test_a_server_that_is_not_there_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    async with bridged("ws://127.0.0.1:9") as address, dialled(address) as pbx:
        assert await pbx.ended()
    assert "no voicegw server answers" in capsys.readouterr().err
