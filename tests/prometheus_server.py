"""A real Prometheus with the rules of scripts/monitoring, and what it answers."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.documents import ROOT
from tests.observing import PATIENCE_S
from tests.redis_server import free_port

MONITORING = ROOT / "scripts/monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())
SCRAPE_S = 1


def write_configuration(directory: Path, target: str, alert_after: str) -> Path:
    """The rules as they are, but evaluated every second; alerts fire after `alert_after`."""
    rules = {"groups": [{**group, "interval": f"{SCRAPE_S}s"} for group in RULES["groups"]]}
    for group in rules["groups"]:
        group["rules"] = [
            {**rule, "for": alert_after} if "alert" in rule else rule for rule in group["rules"]
        ]
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    named = {"targets": [target], "labels": {"instance": "gateway-1"}}
    scraped = [{"job_name": "voicegw", "static_configs": [named]}]
    settings = {
        "global": {"scrape_interval": f"{SCRAPE_S}s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": scraped,
    }
    path = directory / "prometheus.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def lists(self, kind: str, wanted: dict[str, str]) -> bool:
        """Whether it lists one of the `targets` or `alerts` with all these properties."""
        try:
            listed = self._ask(kind)
        except OSError:  # it does not listen yet
            return False
        items = listed["activeTargets" if kind == "targets" else "alerts"]
        return any(wanted.items() <= {**item["labels"], **item}.items() for item in items)

    def query_range(self, query: str, start: float, end: float) -> list[dict[str, Any]]:
        """The series of a query, each with `metric`, its labels, and `values`, pairs of seconds and text."""
        asked = {"query": query, "start": start, "end": end, "step": SCRAPE_S}
        found: list[dict[str, Any]] = self._ask(f"query_range?{urlencode(asked)}")["result"]
        return found

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(directory: Path, target: str, alert_after: str = "1s") -> Iterator[Prometheus]:
    """A Prometheus that scrapes `target`, host and port, every second."""
    address = f"127.0.0.1:{free_port()}"
    flags = {
        "config.file": write_configuration(directory, target, alert_after),
        "storage.tsdb.path": directory / "data",
        "web.listen-address": address,
    }
    with (directory / "log").open("wb") as log:
        started = subprocess.Popen(
            ["prometheus", *(f"--{name}={value}" for name, value in flags.items())], stdout=log, stderr=log
        )
        try:
            yield Prometheus(f"http://{address}")
        finally:
            started.terminate()
            started.wait(PATIENCE_S)
