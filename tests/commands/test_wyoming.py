"""`voicegw wyoming` as a process."""

import asyncio
import signal
import sys

import pytest
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info

from tests.observing import PATIENCE_S
from tests.test_cli import assert_refused, run
from voicegw.cli import main
from voicegw.config import load_wyoming

COMMAND = [sys.executable, "-m", "voicegw.cli", "wyoming", "--port", "0", "--voice-engine", "espeak"]


async def test_it_serves_until_it_is_told_to_stop() -> None:
    async with asyncio.timeout(PATIENCE_S):
        process = await asyncio.create_subprocess_exec(*COMMAND, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        host, _, port = line.strip().removeprefix("listening on tcp://").rpartition(":")
        async with AsyncTcpClient(host, int(port), read_timeout=PATIENCE_S) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            assert Info.from_event(event).tts[0].voices[0].name == "espeak"
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


def test_a_port_in_use_is_told_in_one_line() -> None:
    assert_refused(run("wyoming", "--host", "192.0.2.1", "--voice-engine", "none"), "cannot listen")


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wyoming", None)
    assert main(["wyoming"]) == 1
    assert "pip install 'voicegw[wyoming]'" in capsys.readouterr().err


def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_WYOMING__TOKEN", "secret")
    options = load_wyoming(["--languages", "en,de", "--url", "ws://gateway/v1/stream"]).wyoming
    assert (options.token, options.languages, options.url) == (
        "secret",
        ("en", "de"),
        "ws://gateway/v1/stream",
    )
    assert "secret" not in repr(options)
