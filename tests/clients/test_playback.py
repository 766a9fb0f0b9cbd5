import asyncio
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Self

import pytest

from clients.client import VoiceClient
from clients.errors import AudioError
from clients.playback import Loudspeaker, ReplyPlayer
from tests.clients.scripted_server import DONE, READY, Peer, scripted_server
from tests.observing import until
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

pytestmark = pytest.mark.usefixtures("virtual_clock")

STARTED = native.ReplyStartedMessage(seq=2, turn=1)
STOPPED = native.ReplyDoneMessage(seq=3, turn=1, text="It", reason=ReplyReason.INTERRUPTED)


class SoundDevice(ModuleType):
    """Stands in for the `sounddevice` module: a loudspeaker whose hunger for audio is the test's."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.fails = False
        self.asked: dict[str, Any] = {}

    def RawOutputStream(self, *, callback: Callable[..., None], **asked: Any) -> Self:  # noqa: N802
        if self.fails:
            raise self.PortAudioError("no such device")
        self.asked, self.fill = asked, callback
        return self

    def hear(self, size: int) -> bytes:
        out = bytearray(size)
        self.fill(memoryview(out), size // 2, None, None)
        return bytes(out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> SoundDevice:
    stub = SoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", stub)
    return stub


def test_the_loudspeaker_plays_what_comes_and_silence_when_nothing_does(device: SoundDevice) -> None:
    with Loudspeaker(8_000) as speaker:
        speaker.play(b"abcd")
        assert [device.hear(2), device.hear(4), device.hear(2)] == [b"ab", b"cd\0\0", b"\0\0"]


def test_it_knows_what_of_the_reply_it_has_played(device: SoundDevice) -> None:
    with Loudspeaker(8_000) as speaker:
        speaker.play(bytes(3200))
        device.hear(1600)
        assert speaker.played_ms == 100
        speaker.begin()
        assert speaker.played_ms == 0


def test_a_flush_is_silence_at_once(device: SoundDevice) -> None:
    with Loudspeaker(8_000) as speaker:
        speaker.play(b"abcd")
        speaker.flush()
        assert device.hear(2) == b"\0\0"


def test_a_loudspeaker_that_cannot_be_opened(device: SoundDevice) -> None:
    device.fails = True
    with pytest.raises(AudioError, match="no such device"):
        Loudspeaker(8_000)


class FakeOutput:
    """An Output that remembers what was asked of it."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.played_ms = 0

    def begin(self) -> None:
        self.done.append("begin")

    def play(self, pcm: bytes) -> None:
        self.done.append(pcm)

    def flush(self) -> None:
        self.done.append("flush")


async def speak(peer: Peer) -> None:
    """Greets, and sends a reply with audio in it that is interrupted when the client asks for the end."""
    await peer.send(READY, STARTED)
    await peer.socket.send(b"ab")
    await peer.until(native.EndMessage)
    await peer.socket.send(b"cd")
    await peer.send(STOPPED)


async def test_audio_keeps_its_place_among_the_messages_and_stops_with_the_reply() -> None:
    output = FakeOutput()
    player = ReplyPlayer(output)
    async with (
        scripted_server(speak) as server,
        VoiceClient.connect(server.url, reply="audio", on_audio=player.receive) as client,
    ):
        await client.end()
        async for message in client:
            player.handle(message)
    assert output.done == ["begin", b"ab", b"cd", "flush"]


async def test_what_was_played_is_reported() -> None:
    output = FakeOutput()
    player = ReplyPlayer(output)
    player.handle(STARTED)
    output.played_ms = 300
    async with scripted_server(speak) as server, VoiceClient.connect(server.url) as client:
        reporting = asyncio.create_task(player.report(client))
        await asyncio.sleep(0.25)
        reporting.cancel()
        await client.end()
        await until(lambda: len(server.peers[0].requests) == 2)
    assert server.peers[0].requests[0] == native.PlayedMessage(audio_ms=300, turn=1)


async def test_a_reply_that_was_heard_in_full_is_not_flushed() -> None:
    output = FakeOutput()
    player = ReplyPlayer(output)
    player.handle(STARTED)
    player.handle(DONE)
    assert output.done == ["begin"]
