"""`voicegw worker` as processes over a real Redis, with the bundled model. What faults do to them is in
tests/benchmarks/chaos, which shares its code with `scripts/bench chaos`."""

import asyncio
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from benchmarks.chaos.installation import installation
from clients.audio import frames
from clients.client import VoiceClient
from tests.cluster.house import gateway
from tests.observing import PATIENCE_S, until
from tests.redis_server import RedisServer, free_port
from tests.speech import job, long_window, pcm, said, single_utterances, word_error_rate
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import text_of
from voicegw.dialects import native
from voicegw.errors import RecognitionFailed

SAMPLE = single_utterances()[0]
FINALS = "{voicegw:work}:finals"
COMMAND = (sys.executable, "-m", "voicegw.cli", "worker", "--model", "bundled")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_a_worker_from_its_start_to_its_end() -> None:
    async with installation(workers=0) as there, gateway(there.redis.url) as asking:
        port = free_port()
        worker = await there.add_worker("--consumer.probe-port", str(port))
        assert await asyncio.to_thread(fetch, f"http://127.0.0.1:{port}/healthz") == "ok\n"
        with pytest.raises(RecognitionFailed, match="failed on this audio"):
            await asking.recognize(job(b"\0\0\0"))
        result = await asking.recognize(job(pcm(SAMPLE), number=2))
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


async def test_a_session_by_way_of_redis() -> None:
    async with installation(workers=1, gateways=1) as there:
        probe = there.urls[0].replace("ws:", "http:").replace("v1/stream", "readyz")
        await until(lambda: status(probe) == 200)
        async with VoiceClient.connect(there.urls[0], reply="none") as client:
            for frame in frames(pcm(SAMPLE), SAMPLE_RATE):
                await client.send_audio(frame)
            await client.end()
            finals = [message.text async for message in client if isinstance(message, native.FinalMessage)]
    assert word_error_rate(said(SAMPLE), " ".join(finals)) <= 0.5


async def refusal(*flags: str) -> str:
    """The line in which a worker says why it does not start."""
    process = await asyncio.create_subprocess_exec(*COMMAND, *flags, stderr=subprocess.PIPE)
    _, told = await asyncio.wait_for(process.communicate(), 3 * PATIENCE_S)
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
