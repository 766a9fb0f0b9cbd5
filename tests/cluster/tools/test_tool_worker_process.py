"""`voicegw worker --tool-worker.only` as its user meets it: a process that makes calls from Redis."""

import asyncio
import json
import signal
import sys
from contextlib import aclosing
from pathlib import Path

from tests.cluster.harness import redis_options
from tests.cluster.jobs.test_worker_command import status
from tests.observing import PATIENCE_S, START_S
from tests.redis_server import free_port
from voicegw.cluster.tools.remote_background_calls import RemoteBackgroundCallOptions, RemoteBackgroundCalls
from voicegw.core.background_calls import CallProgress
from voicegw.core.events import ToolCalled

COUNT = {
    "name": "count",
    "description": "Counts.",
    "entry_point": "tests.reply.application_functions:count",
    "background": True,
    "parameters": {"type": "object", "properties": {"to": {"type": "integer"}}},
}


async def test_a_worker_whose_tools_cannot_be_loaded_does_not_go_on(redis_url: str, tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([COUNT | {"entry_point": "tests.reply.application_functions:nothing"}]))
    flags = ["--redis", redis_url, "--tool-worker.take", "--tools.file", str(tools), "--workers", "1"]
    command = [sys.executable, "-m", "voicegw.cli", "worker", "--model", "bundled", *flags]
    worker = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(worker.communicate(), START_S)
    assert worker.returncode == 1
    assert b"application_functions:nothing" in said


async def test_a_worker_of_tools_only(redis_url: str, tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([COUNT]))
    port = free_port()
    flags = ["--redis", redis_url, "--tool-worker.only", "--tools.file", str(tools)]
    flags += ["--consumer.probe-port", str(port)]
    command = [sys.executable, "-m", "voicegw.cli", "worker", *flags]
    worker = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    home = RemoteBackgroundCalls(redis_options(redis_url), RemoteBackgroundCallOptions())
    try:
        background_call = await home.submit(ToolCalled("c1", "count", '{"to": 2}'))
        async with asyncio.timeout(PATIENCE_S), aclosing(home.follow(background_call)) as reports:
            received = [report async for report in reports]
        for page in ("healthz", "readyz", "metrics"):
            assert await asyncio.to_thread(status, f"http://127.0.0.1:{port}/{page}") == 200
        worker.send_signal(signal.SIGTERM)
        said, _ = await asyncio.wait_for(worker.communicate(), PATIENCE_S)
    finally:
        await home.close()
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    assert received[-2:] == [CallProgress("2"), CallProgress("2", done=True)]
    assert (worker.returncode, said) == (0, b"working on tool calls\n")
