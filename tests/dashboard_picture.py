"""`scripts/monitoring/picture`: a picture of the Grafana dashboard over a storm of reconnecting clients.

A real server with the bundled model serves speakers and many connected clients; all of those lose their
connections at once. A real Prometheus scrapes it; its answers to the queries of the dashboard are drawn, and
photographed in Chromium.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.chaos.reconnect import connected, reset_all
from benchmarks.playing import play_all
from benchmarks.relay import relay
from benchmarks.server_under_test import ROOM, sample_named
from clients.local_server import local_server
from tests.dashboard_drawing import Line, Picture, legend_of, page
from tests.llm_server import LLMServer
from tests.observing import until
from tests.page.browser import chromium
from tests.prometheus_server import MONITORING, SCRAPE_S, Prometheus, prometheus

PICTURE = MONITORING / "dashboard.png"
DASHBOARD = json.loads((MONITORING / "grafana/voicegw.json").read_text())
ALERT = "ReconnectStorm"
SPEAKERS = 3
_RATE_S = 5 * SCRAPE_S
_QUIET_S = 20.0  # before the storm
_AFTER_S = 75.0  # until the picture
_CLIENTS_PER_S = 4  # that connect before the storm, below the threshold of the alert


async def record(directory: Path, clients: int, after_s: float) -> str:
    """The page of a run: clients connect, lose their connections, and return; speakers talk all the time."""
    async with AsyncExitStack() as stack:
        llm = await stack.enter_async_context(LLMServer(first_token_delay_s=0.2, token_delay_s=0.03))
        kept = ("--gateway.resume.window-ms", "600000", "--gateway.resume.max-parked", str(clients))
        model = ("--llm-url", llm.url, "--llm-model", "test", "--voice-engine", "espeak")
        server = await stack.enter_async_context(
            local_server("--model", "bundled", "--workers", "1", *ROOM, *kept, *model)
        )
        between = await stack.enter_async_context(relay(server.url))
        running = stack.enter_context(prometheus(directory, urlsplit(server.url).netloc, "3s"))
        await until(lambda: running.lists("targets", {"health": "up"}))
        begin = time.time()
        speaking = [asyncio.create_task(_speak(server.url, number)) for number in range(SPEAKERS)]
        there = []
        for _ in range(0, clients, _CLIENTS_PER_S):
            there += await connected(stack, between.url, _CLIENTS_PER_S)
            await asyncio.sleep(1)
        await asyncio.sleep(_QUIET_S)
        reset_s = time.time() - begin
        found = await reset_all(there, between.cut)
        await asyncio.sleep(after_s)
        for task in speaking:
            task.cancel()
        await asyncio.gather(*speaking, return_exceptions=True)
        last_s = max(found.back_s, default=0.0)
        note = (
            f"{len(there)} clients and {SPEAKERS} speakers at one gateway; after {reset_s:.0f} s all "
            f"connections of the {len(there)} are cut. {len(found.back_s)} sessions are resumed, the last "
            f"after {last_s:.1f} s; {found.lost} are lost. Red: the alert {ALERT} fires."
        )
        return await asyncio.to_thread(_page, running, note, begin, time.time())


async def _speak(url: str, number: int) -> None:
    """One speaker after another, until cancelled."""
    samples = [sample_named(f"session-{each}.flac") for each in (1, 2, 3, 4)]
    while True:
        for sample in samples[number:] + samples[:number]:
            await play_all(url, [sample], streams=1, reply="audio")


def _page(running: Prometheus, note: str, begin: float, end: float) -> str:
    fired = running.query_range(f'ALERTS{{alertname="{ALERT}",alertstate="firing"}}', begin, end)
    times = [at - begin for series in fired for at, _ in series["values"]]
    alert = (ALERT, min(times), max(times)) if times else None
    lines = {
        panel["id"]: _lines(running, panel.get("targets", ()), begin, end) for panel in DASHBOARD["panels"]
    }
    picture = Picture(f"{DASHBOARD['title']}: a storm of reconnecting clients", note, end - begin, alert)
    return page(picture, DASHBOARD["panels"], lines)


def _lines(running: Prometheus, targets: Sequence[dict[str, str]], begin: float, end: float) -> list[Line]:
    """What Grafana would draw for the queries of a panel."""
    found = []
    for target in targets:
        query = target["expr"].replace("$__rate_interval", f"{_RATE_S}s")
        for series in running.query_range(query, begin, end):
            points = [(at - begin, float(value)) for at, value in series["values"]]
            if any(value == value for _, value in points):  # not only NaN
                found.append(Line(legend_of(target["legendFormat"], series["metric"]), points))
    return found


def photograph(text: str, path: Path) -> None:
    """Writes a picture of the page."""
    with tempfile.TemporaryDirectory() as directory, chromium(Path(directory) / "none.wav") as browser:
        shown = browser.new_page(viewport={"width": 1548, "height": 800})
        shown.set_content(text)
        path.write_bytes(shown.screenshot(full_page=True))


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="scripts/monitoring/picture", description=__doc__)
    parser.add_argument("--path", type=Path, default=PICTURE, help="where to write (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=500, help="how many (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        text = asyncio.run(record(Path(directory), options.clients, _AFTER_S))
        photograph(text, options.path)


if __name__ == "__main__":
    main()
