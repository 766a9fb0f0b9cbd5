"""The command as its user meets it: a process, its output and its exit status."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from clients.local_server import ADMITTING
from tests.observing import PATIENCE_S, START_S, children, is_running, until
from tests.peer import joined
from tests.redis_server import free_port
from voicegw import __version__
from voicegw.cli import main
from voicegw.commands.process import freeze_gc
from voicegw.commands.serve import serve
from voicegw.config import load
from voicegw.dialects import native
from voicegw.errors import StartupError
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.token_issuer import Claims, issue_token

COMMAND = [sys.executable, "-m", "voicegw.cli"]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command, in an environment without settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOICEGW_", "OPENAI_"))}
    command = [*COMMAND, *arguments]
    kept |= environment
    return subprocess.run(command, env=kept, capture_output=True, text=True, timeout=START_S, check=False)


def assert_refused(ran: "subprocess.CompletedProcess[str]", *named: str) -> None:
    """Exit status 1 and one line that names what is wrong."""
    *log, line = ran.stderr.splitlines()
    assert ran.returncode == 1
    assert line.startswith("voicegw: ")
    assert all(name in line for name in named)
    assert not any("Traceback" in earlier for earlier in log)
    assert not ran.stdout


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert "serve" in output
    assert "schema" in output


def test_what_is_there_at_the_start_is_no_work_for_the_garbage_collector() -> None:
    try:
        freeze_gc()
        assert gc.get_freeze_count() > len(gc.get_objects())
    finally:
        gc.unfreeze()


def test_help_of_serve_lists_the_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    for flag in ("--port", "--model", "--llm-url", "--session.endpoint.end-silence-ms", "--config"):
        assert flag in output


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"voicegw {__version__}\n"


def test_schema_is_that_of_the_dialect(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == native.schema()


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["schema", "--loud"], ["serve", "--loud"], ["serve", "now"]]
)
def test_what_is_no_command_ends_with_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_wrong_setting_is_one_line() -> None:
    assert_refused(run("serve", "--port", "70000"), "port", "65535")


def test_an_endpoint_without_a_model_is_one_line() -> None:
    ran = run("serve", "--model", "bundled", "--llm-url", "http://127.0.0.1:9/v1")
    assert_refused(ran, "--llm-model")


def test_a_model_that_cannot_be_downloaded_is_one_line(tmp_path: Path) -> None:
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    assert_refused(run("serve", "--port", "0", "--model", "base.en", **offline), "base.en", "--model bundled")


def test_a_directory_without_a_model_is_one_line(tmp_path: Path) -> None:
    assert_refused(run("serve", "--port", "0", "--model", str(tmp_path)), str(tmp_path))


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(run("serve", "--model", "bundled", "--port", port), port, "in use")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_the_model_loads_stops_in_order(number: signal.Signals) -> None:
    arguments = [*COMMAND, "serve", "--model", "bundled", "--port", "0"]
    server = await asyncio.create_subprocess_exec(*arguments, stderr=subprocess.DEVNULL)
    try:
        await until(lambda: children(server.pid))
        workers = children(server.pid)
        server.send_signal(number)
        assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 0
        assert not any(map(is_running, workers))
    finally:
        if server.returncode is None:
            server.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_a_tool_server_does_not_answer_stops_in_order(
    number: signal.Signals, tmp_path: Path
) -> None:
    silent = [sys.executable, "-c", "import time; time.sleep(600)"]
    file = tmp_path / "voicegw.toml"
    file.write_text(
        f"[tools]\nmcp_timeout_ms = 600000\n[[tools.mcp]]\nname = 'it'\ncommand = {json.dumps(silent)}\n"
    )
    arguments = [*COMMAND, "serve", "--port", "0", "--voice-engine", "none", "--config", str(file)]
    server = await asyncio.create_subprocess_exec(*arguments, stderr=subprocess.DEVNULL)
    try:
        await until(lambda: children(server.pid))
        programs = children(server.pid)
        server.send_signal(signal.SIGHUP)  # changes nothing
        server.send_signal(number)
        assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 0
        assert not any(map(is_running, programs))
    finally:
        if server.returncode is None:
            server.kill()


async def test_the_port_answers_during_a_download_that_hangs_and_a_signal_ends_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hub:  # takes connections, and says nothing
        hub.settimeout(START_S)
        port = str(free_port())
        place = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.getsockname()[1]}", "HF_HOME": str(tmp_path)}
        arguments = [*COMMAND, "serve", "--model", "base.en", "--port", port]
        server = await asyncio.create_subprocess_exec(
            *arguments, stderr=subprocess.DEVNULL, env=os.environ | place | {"NO_PROXY": "127.0.0.1"}
        )
        try:
            with (await asyncio.to_thread(hub.accept))[0]:
                assert "the speech model is not loaded yet" in await asyncio.to_thread(refusal, port)
                server.terminate()
                assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 0
        finally:
            if server.returncode is None:
                server.kill()


def refusal(port: str) -> str:
    """What a client is told that is not let in."""
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{port}/v1/stream", proxy=None):
        pass
    return (refused.value.response.body or b"").decode()


SECRET = {"VOICEGW_TOKENS__SECRET": "a secret of thirty-two bytes or more"}


@pytest.mark.parametrize(
    ("flags", "environment", "named"),
    [
        ([], {}, "--tls-cert"),
        (["--behind-proxy"], {}, "--token-keys"),
        (["--tls-cert", "none.pem", "--tls-key", "none.pem"], SECRET, "none.pem"),
        (["--tls-cert", "none.pem"], SECRET, "--tls-key"),
        (["--token-keys", "none.json"], {}, "none.json"),
        ([], {"VOICEGW_TOKENS__SECRET": "short"}, "too short"),
        (["--limits.user-messages", "many"], {}, "100/second"),
    ],
)
async def test_it_does_not_open_itself_to_a_network_by_accident(
    flags: list[str], environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: the start of another one takes longer than all of these."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    open_to_all = ("--model", "bundled", "--port", "0", "--host", "0.0.0.0", "--voice-engine", "none")
    with pytest.raises(StartupError) as refused:
        await serve(load([*open_to_all, *flags]))
    assert named in refused.value.message


async def test_sighup_takes_up_new_keys_and_leaves_open_sessions_alone(tmp_path: Path) -> None:
    entries = [keys.generate(keys.Algorithm.EDDSA, kid) for kid in ("old", "new")]
    file = tmp_path / "keys.json"
    claims = Claims("alice", valid_s=1_800)  # longer than a server takes to start on a busy machine
    tokens = {}
    for entry in reversed(entries):
        file.write_text(json.dumps({"keys": [entry]}))
        tokens[entry["kid"]] = issue_token(claims, keys.load(None, str(file)).signer())
    flags = ["serve", "--model", "bundled", "--port", "0", "--workers", "1", "--token-keys", str(file)]
    flags += ADMITTING
    server = await asyncio.create_subprocess_exec(
        *COMMAND, *flags, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    try:
        url = (await asyncio.wait_for(server.stdout.readline(), START_S)).decode().split()[-1]
        async with joined(url, additional_headers={"Authorization": f"Bearer {tokens['old']}"}) as peer:
            file.write_text(json.dumps({"keys": [entries[1]]}))
            server.send_signal(signal.SIGHUP)
            await until(lambda: admits(url, tokens["new"]))
            assert not admits(url, tokens["old"])
            await (await peer.socket.ping())
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 0
    finally:
        if server.returncode is None:
            server.kill()


def admits(url: str, token: str) -> bool:
    """Whether the server takes this token."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with connect(url, additional_headers=headers, compression=None, proxy=None):
            return True
    except InvalidStatus:
        return False
