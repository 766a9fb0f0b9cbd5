import json
import socket
import urllib.error
import urllib.request
from asyncio import to_thread

import pytest

from tests.observing import PATIENCE_S
from voicegw.errors import StartupError
from voicegw.gateway.http.probes import probes
from voicegw.telemetry import Metrics


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def test_answers_what_orchestrators_ask() -> None:
    metrics, reason = Metrics(), "Redis does not answer"
    async with probes("127.0.0.1", 0, lambda: reason, metrics) as url:
        assert await to_thread(get, f"{url}/healthz") == (200, "ok\n")
        status, body = await to_thread(get, f"{url}/readyz")
        assert (status, json.loads(body)["error"]["message"]) == (503, reason)
        reason = ""
        assert await to_thread(get, f"{url}/readyz") == (200, "ready\n")
        assert "voicegw_workers_ready" in (await to_thread(get, f"{url}/metrics"))[1]
        assert (await to_thread(get, f"{url}/v1/stream"))[0] == 404


async def test_a_port_that_is_taken_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartupError, match="cannot listen"):
        async with probes("127.0.0.1", taken.getsockname()[1], lambda: "", Metrics()):
            pass
