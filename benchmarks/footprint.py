"""The resources of a server process, from its metrics and /proc: memory, descriptors, tasks, child
processes."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.processes import children

ANSWER_S = 20.0
POLL_S = 0.2


@dataclass(frozen=True)
class Footprint:
    """Resident bytes, and the number of the others; `sessions` includes detached sessions."""

    rss_bytes: int
    descriptors: int
    tasks: int
    children: int
    sessions: int

    def exceeds(self, before: "Footprint", share: float) -> list[str]:
        """One line for each value that has grown by more than this share."""
        names = ("rss_bytes", "descriptors", "tasks", "children", "sessions")
        grown = ((name, getattr(before, name), getattr(self, name)) for name in names)
        return [f"{name} from {old} to {new}" for name, old, new in grown if new > old * (1 + share)]


def footprint(url: str, pid: int, context: ssl.SSLContext | None = None) -> Footprint:
    """Of the server with this process id that serves the URL. Raises OSError when it does not answer."""
    values = metrics(url, context)
    return Footprint(
        rss_bytes=round(values["process_resident_memory_bytes"]),
        descriptors=round(values["process_open_fds"]),
        tasks=round(values["voicegw_tasks"]),
        children=len(children(pid)),
        sessions=round(values["voicegw_sessions"]),
    )


def metrics(url: str, context: ssl.SSLContext | None = None) -> dict[str, float]:
    """The server's metrics that have no labels. context: for TLS, if the server requires it."""
    families = text_string_to_metric_families(metrics_page(url, context))
    return {
        sample.name: sample.value for family in families for sample in family.samples if not sample.labels
    }


def metrics_page(url: str, context: ssl.SSLContext | None = None) -> str:
    """The text of the metrics of the server at this WebSocket or HTTP URL. Raises OSError."""
    scheme = "http" if context is None else "https"
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))  # without proxies, for loopback
    with opener.open(f"{scheme}://{urlsplit(url).netloc}/metrics", timeout=ANSWER_S) as page:
        return bytes(page.read()).decode()


def settled(measure: Callable[[], Footprint], within_s: float) -> Footprint:
    """The footprint after the end of all sessions, or at the end of that time."""
    deadline = time.monotonic() + within_s
    while (seen := measure()).sessions and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return seen
