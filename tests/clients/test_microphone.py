import asyncio
import os
import signal
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np
import pytest
import soundfile

from benchmarks.recordings.manifest import read_entries
from clients.microphone import _interrupted, main
from tests.clients.scripted_server import DONE, FINAL, READY, Peer, one_turn, scripted_server
from tests.clients.test_playback import SoundDevice
from tests.observing import PATIENCE_S
from voicegw.core.events import ReplyReason
from voicegw.dialects import native


@pytest.fixture
def sound(tmp_path: Path) -> str:
    soundfile.write(tmp_path / "sound.wav", np.zeros(800), 8000)
    return str(tmp_path / "sound.wav")


async def run(*arguments: str) -> int:
    """The command in a thread of its own, since it brings its own event loop."""
    return await asyncio.to_thread(main, arguments)


@pytest.fixture(autouse=True)
def no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signals belong to the main thread."""
    monkeypatch.setattr("clients.microphone._interrupted", asyncio.Event)


async def test_ctrl_c_asks_for_an_orderly_end() -> None:
    stop = _interrupted()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(stop.wait(), PATIENCE_S)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


async def test_plays_a_file_and_shows_the_turn(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_server() as server:
        assert await run("--url", server.url, "--file", sound, "--rate", "16000") == 0
    assert len(server.peers[0].audio) == 3200
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in ("partial", "final", "reply", "latency"))


async def test_asks_for_no_reply_and_other_knobs(sound: str) -> None:
    async with scripted_server() as server:
        await run("--url", server.url, "--file", sound, "--no-reply", "--end-silence-ms", "300")
    assert "reply=none" in server.paths[0]
    assert server.peers[0].requests[0] == native.ConfigureMessage(end_silence_ms=300)


async def test_asks_for_a_language(sound: str) -> None:
    async with scripted_server() as server:
        await run("--url", server.url, "--file", sound, "--lang", "de")
        await run("--url", f"{server.url}?lang=fr", "--file", sound)
    assert [parse_qs(urlsplit(path).query)["lang"] for path in server.paths] == [["de"], ["fr"]]


async def test_asks_for_replies_that_can_be_heard(sound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", SoundDevice())
    async with scripted_server() as server:
        assert await run("--url", server.url, "--file", sound, "--voice") == 0
    assert "reply=audio" in server.paths[0]


async def test_saves_the_session_as_recordings_of_the_benchmarks(
    sound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", SoundDevice())
    saved = tmp_path / "saved"
    async with scripted_server() as server:
        assert await run("--url", server.url, "--file", sound, "--voice", "--save", str(saved)) == 0
    assert read_entries(saved)[0].text == "What time is it?"
    assert len(list(saved.iterdir())) == 5


async def test_messages_for_other_programs(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_server() as server:
        assert await run("--url", server.url, "--file", sound, "--json") == 0
    messages = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert [message["seq"] for message in messages] == list(range(2, 10))


async def test_push_to_talk_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_server() as server:
        assert await run("--url", server.url, "--push-to-talk") == 1
    assert "push-to-talk needs a terminal" in capsys.readouterr().err


async def test_a_failed_reply_is_a_failure(sound: str) -> None:
    async def fail(peer: Peer) -> None:
        await peer.send(READY)
        await peer.until(native.EndMessage)
        await peer.send(FINAL, msgspec.structs.replace(DONE, reason=ReplyReason.FAILED))

    async with scripted_server(fail) as server:
        assert await run("--url", server.url, "--file", sound) == 1


async def test_trouble_is_one_line(sound: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with scripted_server(one_turn) as server:
        assert await run("--url", server.url, "--file", sound + ".missing") == 1
    assert "cannot be read as audio" in capsys.readouterr().err
    assert await run("--url", "nonsense", "--file", sound) == 1


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "examples:" in shown
    assert "exit status:" in shown
