"""The table of exit statuses in the documents, with a real process for each of them."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.documents import DEPLOY
from tests.observing import PATIENCE_S, children, until
from tests.redis_server import free_port

COMMAND = [sys.executable, "-m", "voicegw.cli"]


def documented() -> set[int]:
    table = (DEPLOY / "install.md").read_text().partition("## Exit statuses")[2]
    return {int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}


def start(*arguments: str) -> "subprocess.Popen[str]":
    """A command that obeys SIGINT, even where the tests run in the background of a shell, ignoring it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VOICEGW_")}
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def status(process: "subprocess.Popen[str]") -> int:
    """How it ends; without a traceback."""
    with process:
        try:
            _, errors = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert "Traceback" not in errors
    return process.returncode


def unreachable() -> str:
    return f"ws://127.0.0.1:{free_port()}/v1/stream"


SPEECH = str(DEPLOY.parent.parent / "models/samples/yes-1.wav")
ENDS = [  # beside those of tests/test_cli.py
    (0, ["schema"]),
    (1, ["worker"]),
    (1, ["token", "--user", "alice"]),
    (1, ["check", "--port", "70000"]),
    (1, ["talk", "--file", "missing.wav"]),
    (1, ["talk", "--file", SPEECH, "--url", unreachable()]),
    (2, ["talk", "--loud"]),
    (2, ["token"]),
]


@pytest.mark.parametrize(("expected", "arguments"), ENDS)
def test_a_command_ends_with_its_status(expected: int, arguments: list[str]) -> None:
    assert status(start(*arguments)) == expected


async def test_a_check_that_is_interrupted() -> None:
    process = start("check", "--model", "bundled", "--port", "0")
    await until(lambda: bool(children(process.pid)))  # the process with the model
    process.send_signal(signal.SIGINT)
    assert status(process) == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_demo_that_is_stopped(number: signal.Signals) -> None:
    process = start("demo")
    await until(lambda: bool(children(process.pid)))  # its server
    process.send_signal(number)
    assert status(process) == 1


def test_all_of_them_are_in_the_table() -> None:
    assert documented() == {expected for expected, _ in ENDS} | {130}
