"""`voicegw worker` as processes over a real Redis, with the bundled model. What faults do to them is in
tests/benchmarks/chaos, which shares its code with `scripts/bench chaos`."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from benchmarks.chaos.installation import installation
from clients.audio import frames
from clients.client import VoiceClient
from tests.cluster.harness import gateway
from tests.observing import PATIENCE_S, START_S, until
from tests.redis_server import RedisServer, free_port
from tests.speech import job, long_window, pcm, said, single_utterances, word_error_rate
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import text_of
from voicegw.dialects import native
from voicegw.errors import RecognitionFailed

ROOT = Path(__file__).parents[3]
SAMPLE = single_utterances()[0]
FINALS = "{voicegw:work}:finals"
COMMAND = (sys.executable, "-m", "voicegw.cli", "worker", "--model", "bundled")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
        return str(response.read().decode())


def status(url: str) -> int:
    """0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


async def test_a_worker_from_its_start_to_its_end() -> None:
    async with installation(workers=0) as there, gateway(there.redis.url) as asking:
        port = free_port()
        worker = await there.add_worker("--consumer.probe-port", str(port))
        assert await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/healthz") == "ok\n"
        with pytest.raises(RecognitionFailed, match="failed on this audio"):
            await asking.decode(job(b"\0\0\0"))
        result = await asking.decode(job(pcm(SAMPLE), number=2))
        assert word_error_rate(said(SAMPLE), text_of(result.words)) <= 0.5
        shown = await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/metrics")
        assert "voicegw_cluster_dead_jobs_total 1.0" in shown
        asked = [asking.ask(job(long_window(8), session=f"s{number}")) for number in range(6)]
        await asked[0]
        await worker.leave()
        await asyncio.sleep(0.1)  # for the last answer
        answered = sum(each.done() for each in asked)
        assert there.redis.command("xlen", FINALS).strip() == str(len(asked) - answered)
        assert there.redis.command("xinfo", "consumers", FINALS, "workers").strip() == ""
        for each in asked:
            each.cancel()


async def test_the_readme_s_commands_make_an_installation(tmp_path: Path) -> None:
    """Two gateways and two workers, as written but for the ports, which may be taken here."""
    [commands] = re.findall(
        r"<!-- cluster -->\n```\n(.*?)```", (ROOT / "scripts/deploy/README.md").read_text(), re.DOTALL
    )
    redis, *gateways = (str(free_port()) for _ in range(3))
    commands = commands.replace("6379", redis).replace("8765 8766", " ".join(gateways))
    commands = commands.replace('"$(mktemp -d)"', f"{tmp_path} --port {redis}")  # last: 46379 has 6379 in it
    shell = await asyncio.create_subprocess_shell(
        f"{commands}\nwait",
        cwd=ROOT,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for port in gateways:
            await until(lambda port=port: status(f"http://127.0.0.1:{port}/readyz") == 200, 90)  # type: ignore[misc]
            assert_heard(await finals_of(f"ws://127.0.0.1:{port}/v1/stream"))
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        await asyncio.wait_for(shell.wait(), PATIENCE_S)


def assert_heard(finals: list[str]) -> None:
    assert word_error_rate(said(SAMPLE), " ".join(finals)) <= 0.5


async def finals_of(url: str) -> list[str]:
    async with VoiceClient.connect(url, reply="none") as client:
        for frame in frames(pcm(SAMPLE), SAMPLE_RATE):
            await client.send_audio(frame)
        await client.end()
        return [message.text async for message in client if isinstance(message, native.FinalMessage)]


async def refusal(*flags: str) -> str:
    """The line in which a worker says why it does not start."""
    process = await asyncio.create_subprocess_exec(*COMMAND, *flags, stderr=subprocess.PIPE)
    _, told = await asyncio.wait_for(process.communicate(), START_S)
    assert process.returncode == 1
    line = told.decode().splitlines()[-1]
    assert line.startswith("voicegw: ")
    return line


@pytest.mark.parametrize(
    ("flags", "told"),
    [((), "--redis"), (("--redis", "http://x"), "Redis URL"), (("--redis", "redis://x/y"), "number")],
)
async def test_a_redis_that_cannot_be_is_one_line(flags: tuple[str, ...], told: str) -> None:
    assert told in await refusal(*flags)


async def test_a_password_that_is_refused_is_one_line(redis_server: RedisServer) -> None:
    redis_server.command("config", "set", "requirepass", "secret")
    assert "password" in await refusal("--redis", f"redis://:wrong@127.0.0.1:{redis_server.port}")
