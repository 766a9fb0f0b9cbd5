"""What machines, configurations and shells do to the process, and what becomes of it."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from benchmarks.raw_client import RawClient
from clients.local_server import ADMITTING
from tests.habits.table import Habit, rows
from tests.observing import PATIENCE_S, START_S, children, until
from tests.redis_server import free_port
from voicegw import config
from voicegw.dialects import native
from voicegw.gateway.auth import signing_keys as keys

COMMAND = (sys.executable, "-m", "voicegw.cli")
# Without a voice, whose start is a third of the server's; espeak-ng also looks for a sound server.
SERVE = ("serve", "--model", "bundled", "--port", "0", "--workers", "1", "--voice-engine", "none", *ADMITTING)
REFUSALS = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}

Given = Callable[[Path], Awaitable[object]]


def environment(directory: Path, **more: str) -> dict[str, str]:
    """Without settings of ours or of anybody's telemetry, and with a home of its own."""
    foreign = ("VOICEGW_", "OPENAI_", *REFUSALS)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"HOME": str(directory / "home"), "XDG_CACHE_HOME": str(directory / "home/.cache")} | more


@asynccontextmanager
async def server(
    directory: Path, *flags: str, before: Sequence[str] = (), **more: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server that is ready, and where it listens; its log is in `log`."""
    with (directory / "log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(*before, *COMMAND, *SERVE, *flags),
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(directory, **more),
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), START_S)
            yield process, line.decode().split()[-1]
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), PATIENCE_S)


# --- what dependencies do unasked ----------------------------------------------------------------------


async def asked_of_nobody(directory: Path) -> object:
    """What a start with all that runs on ONNX writes into its home, and which hosts it asks a proxy for."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0)
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        flags = ("--vad-engine", "silero")
        proxies = {name: url for name in ("http_proxy", "https_proxy", "all_proxy")}
        async with server(directory, *flags, **proxies) as (process, _):
            family = {process.pid, *children(process.pid)}
            reached = {peer for pid in family for peer in peers(pid)}
        with suppress(BlockingIOError):
            reached |= {str(proxy.accept()[1])}
    return reached | {path.name for path in (directory / "home").rglob("*")}


def peers(pid: int) -> set[str]:
    """The addresses that a process has connections to, this machine's own left out; hexadecimal."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            inodes.add(os.readlink(link))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes:
                found.add(fields[2].partition(":")[0])
    return {peer for peer in found if not re.fullmatch(r"0+|0100007F|0{24}01000000", peer)}


def told(program: str, **more: str) -> Given:
    """What dependencies are told in a process that runs this."""

    async def see(directory: Path) -> object:
        shown = (
            f"{program}; import json, os; print(json.dumps({{n: os.environ.get(n) for n in {[*REFUSALS]}}}))"
        )
        ran = await finished(directory, (sys.executable, "-c", shown), **more)
        return json.loads(ran[1])

    return see


async def finished(directory: Path, command: tuple[str, ...], **more: str) -> tuple[int, str, str]:
    """Exit status, standard output and error of a command."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(directory, **more)
    )
    output, errors = await asyncio.wait_for(process.communicate(), START_S)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


# --- configuration -------------------------------------------------------------------------------------


async def marked(directory: Path) -> object:
    """What a start says of files that begin with a byte order mark."""
    flags = []
    for flag, content in FILES.items():
        path = directory / flag
        path.write_bytes(BOM + content)
        flags += [f"--{flag}", str(path)]
    return await started(directory, *flags)


def given(*flags: str) -> Given:
    """What a start says of these flags."""
    return lambda directory: started(directory, *flags)


async def started(directory: Path, *flags: str) -> object:
    """That the server listens, or its exit status and the last line of its log."""
    command = (*COMMAND, *SERVE, *flags, "--gateway.drain-timeout-ms", "0")
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(directory)
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
    except TimeoutError:
        process.kill()
        raise
    listens = line.startswith(b"listening on ")
    if listens:  # a signal to one that has ended would lose its exit status
        process.terminate()
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    lines = errors.decode().splitlines()
    return "listens" if listens else (process.returncode, lines[-1])


def remarks(*flags: str) -> Given:
    """What is said at a start of options that do nothing."""

    async def see(_: Path) -> object:
        return [*config.without_effect(config.load(flags))]

    return see


# --- standard streams ----------------------------------------------------------------------------------


def streamed(redirection: str) -> Given:
    """Whether a server whose streams a shell has redirected so takes a session."""

    async def see(directory: Path) -> object:
        port = str(free_port())
        shell = f'exec "$@" {redirection}'
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", shell, "bash", *COMMAND, *SERVE, "--port", port),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(directory),
        )
        url = f"ws://127.0.0.1:{port}{native.PATH}"
        try:
            await until(lambda: process.returncode is not None or serves(url), START_S)
            return "serves" if process.returncode is None else process.returncode
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), PATIENCE_S)

    return see


def serves(url: str) -> bool:
    """Whether a session is opened."""
    with suppress(OSError, InvalidStatus), connect(url, compression=None, proxy=None):
        return True
    return False


async def printed_nowhere(directory: Path) -> object:
    """The end of a command whose output has no room."""
    status, _, errors = await finished(
        directory, ("bash", "-c", 'exec "$@" > /dev/full', "bash", *COMMAND, "schema")
    )
    return status, errors.splitlines()


# --- file descriptors ----------------------------------------------------------------------------------


def many_clients(limits: str, clients: int) -> Given:
    """So many clients at a server with these limits of descriptors. Seen: how they were answered, if the log
    stays short, and that another one is served once they are gone."""

    async def see(directory: Path) -> object:
        shell = ("bash", "-c", f'ulimit {limits} && exec "$@"', "bash")
        flags = ("--limits.address-open", "1000", "--limits.address-connections", "1000/minute")
        async with server(directory, *flags, before=shell) as (_, url), AsyncExitStack() as stack:
            statuses = Counter([await status(stack, url) for _ in range(clients)])
            await stack.aclose()
            await until(lambda: serves(url))
        few = len((directory / "log").read_text().splitlines()) < clients + 20
        return {*statuses}, "short log" if few else "long log"

    return see


async def status(stack: AsyncExitStack, url: str) -> int:
    """How a new client is answered, which then stays."""
    connection = RawClient(url)
    stack.callback(connection.socket.close)
    return await asyncio.to_thread(connection.upgrade)


async def silent_clients(directory: Path) -> object:
    """The same of clients that ask for nothing, so that refusals do not free what they hold."""
    shell = ("bash", "-c", 'ulimit -n 70 && exec "$@"', "bash")
    flags = ("--gateway.handshake.timeout-ms", "1000")
    async with server(directory, *flags, before=shell) as (_, url), AsyncExitStack() as stack:
        for _ in range(90):
            stack.callback(RawClient(url).socket.close)
        await until(lambda: "connections cannot be accepted" in (directory / "log").read_text())
        answer = await status(stack, url)
    return answer, (directory / "log").read_text().count("connections cannot be accepted")


async def warned(directory: Path) -> object:
    """What is said at a start with few descriptors."""
    async with server(directory, before=("bash", "-c", 'ulimit -n 300 && exec "$@"', "bash")):
        pass
    return re.findall(r"too few .*limit=300 needed=1200", (directory / "log").read_text()) != []


# --- the rows ------------------------------------------------------------------------------------------

BOM = b"\xef\xbb\xbf"
TOOL = b'[{"name": "now", "description": "The time.", "url": "http://127.0.0.1:9/"}]'
KEYS = json.dumps({"keys": [keys.generate(keys.Algorithm.EDDSA, "a")]}).encode()
FILES = {"config": b"[pool]\nworkers = 1\n", "tools.file": TOOL, "token-keys": KEYS}  # by their options

HABITS: list[Habit[Given]] = [
    Habit("calls home", "at the start of a server", asked_of_nobody, set()),
    Habit("calls home", "in a server", told("import voicegw.cli"), REFUSALS),
    Habit("calls home", "in a worker", told("import voicegw.asr.worker"), REFUSALS),
    Habit("calls home", "in a client", told("import clients.client"), REFUSALS),
    Habit(
        "calls home",
        "because its user wants it to",
        told("import voicegw", ORT_DISABLE_TELEMETRY="0"),
        REFUSALS | {"ORT_DISABLE_TELEMETRY": "0"},
    ),
    Habit("byte order mark", "in the configuration, the tools and the keys", marked, "listens"),
    Habit(
        "a name that nothing has",
        "a language",
        given("--language", "xx"),
        (1, "voicegw: asr.language: 'xx' is no language that Whisper knows"),
    ),
    Habit(
        "a name that nothing has",
        "a voice",
        given("--voice-engine", "espeak", "--voice-name", "xx"),
        (1, "voicegw: espeak-ng cannot speak with the voice 'xx'; espeak-ng --voices lists them"),
    ),
    Habit(
        "a name that nothing has",
        "a voice's variant",
        given("--voice-engine", "espeak", "--voice-name", "en-us+xyz"),
        (1, "voicegw: espeak-ng cannot speak with the voice 'en-us+xyz'; espeak-ng --voices lists them"),
    ),
    Habit("standard streams", "output is full", streamed("> /dev/full"), "serves"),
    Habit("standard streams", "output is a pipe whose reader is gone", streamed("> >(true)"), "serves"),
    Habit("standard streams", "output is closed", streamed(">&-"), "serves"),
    Habit("standard streams", "the log is full", streamed("2> /dev/full"), "serves"),
    Habit("standard streams", "the log is closed", streamed("2>&-"), "serves"),
    Habit("standard streams", "all are closed", streamed("<&- >&- 2>&-"), "serves"),
    Habit(
        "options without effect",
        "none",
        remarks("--session.endpoint.end-silence-ms", "2000", "--llm-model", "a", "--workers", "2"),
        [],
    ),
    Habit(
        "options without effect",
        "of recognition, where workers do that",
        remarks("--redis", "redis://here", "--language", "de", "--workers", "2"),
        [
            "asr.language is an option of the workers here: with --redis they recognise",
            "pool.workers is an option of the workers here: with --redis they recognise",
        ],
    ),
    Habit(
        "options without effect",
        "silences that nothing tells apart",
        remarks("--no-session.endpoint.adaptive", "--session.endpoint.min-end-silence-ms", "300"),
        ["with session.endpoint.adaptive off, only end_silence_ms ends a turn"],
    ),
    Habit(
        "options without effect",
        "a silence shorter than a pause",
        remarks("--session.endpoint.end-silence-ms", "100"),
        ["session.endpoint.pause_ms is longer than the end silence, which cannot end a turn any sooner"],
    ),
    Habit(
        "options without effect",
        "a URL that nothing is signed for",
        remarks("--twilio.public-url", "wss://voice.example.org"),
        ["twilio.public_url is what signatures are checked against, and twilio.auth_token is not set"],
    ),
    Habit(
        "options without effect",
        "a voice where nothing speaks",
        remarks(
            *("--voice-engine", "none", "--voice-name", "alloy", "--voice-url", "http://here"),
            *("--voice-model", "anna.onnx"),
        ),
        [
            "voice.url is for the openai engine, and the voice engine is none",
            "voice.model is for the engines piper and openai, and the voice engine is none",
            "voice.name names a voice, and the voice engine is none",
        ],
    ),
    Habit("descriptors", "70 for 90 clients", many_clients("-n 70", 90), ({101, 503}, "short log")),
    Habit("descriptors", "70 unless asked for more", many_clients("-Sn 70", 90), ({101}, "short log")),
    Habit("descriptors", "70 for 90 clients that ask for nothing", silent_clients, (101, 1)),
    Habit("descriptors", "fewer than all sessions need", warned, True),
    Habit(
        "standard streams",
        "output of a command is full",
        printed_nowhere,
        (1, ["voicegw: cannot write to standard output: No space left on device"]),
    ),
]


@pytest.mark.parametrize("habit", rows(HABITS))
async def test_habit(habit: Habit[Given], tmp_path: Path) -> None:
    assert await habit.given(tmp_path) == habit.expected
