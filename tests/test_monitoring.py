"""The alerts, the dashboard and the example installation of Prometheus: they name what a server exports, and
the alerts fire when they should."""

import asyncio
import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.fakes import staged
from tests.metrics_table import series_names
from tests.observing import until
from tests.redis_server import free_port

yaml: Any = pytest.importorskip("yaml")  # comes with faster-whisper

MONITORING = Path(__file__).parent.parent / "scripts/monitoring"
COMPOSE = yaml.safe_load((MONITORING.parent / "deploy/compose.yaml").read_text())
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())
CASES = yaml.safe_load((MONITORING / "rules_test.yaml").read_text())["tests"]
DASHBOARD = json.loads((MONITORING / "grafana/voicegw.json").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
STORM = 400  # connections
PATIENCE_S = 60.0


def promtool(*arguments: str) -> None:
    ran = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, cwd=MONITORING)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_configuration_is_valid() -> None:
    promtool("check", "config", "prometheus.yaml")


def test_the_alerts_fire_and_stay_quiet_as_their_cases_say() -> None:
    promtool("test", "rules", "rules_test.yaml")


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_not(alert: str) -> None:
    expected = [
        check["exp_alerts"]
        for case in CASES
        for check in case["alert_rule_test"]
        if check["alertname"] == alert
    ]
    assert sorted(map(bool, expected)) == [False, True]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    document, _, anchor = rule["annotations"]["runbook"].partition("#")
    text = (MONITORING.parent.parent / document).read_text()
    _, heading, paragraph = text.partition(f"### {rule['alert']}\n")
    assert heading
    assert anchor == rule["alert"].lower()
    assert len(paragraph.partition("\n### ")[0]) > 80


def queries() -> Iterator[tuple[str, str]]:
    """Every query of the rules and of the dashboard, with its name."""
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def named(query: str) -> set[str]:
    """The metrics that a query names."""
    return set(re.findall(r"\b(?:voicegw|process)[_:][\w:]+", query))


@pytest.mark.parametrize(("name", "query"), list(queries()))
def test_queries_name_metrics_that_are_exported(name: str, query: str) -> None:
    assert named(query) <= series_names() | RECORDED
    assert named(query) or "up{" in query


def test_the_dashboard_is_provisioned_with_its_data_source() -> None:
    sources = yaml.safe_load((MONITORING / "grafana/datasources.yaml").read_text())["datasources"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert used <= {source["uid"] for source in sources}
    hosts = {re.sub(r"https?://|:\d+", "", source["url"]) for source in sources}
    assert hosts < set(COMPOSE["services"])


def test_what_the_example_mounts_is_there() -> None:
    for name in ("prometheus", "grafana"):
        service = COMPOSE["services"][name]
        assert service["profiles"] == ["monitoring"]
        for volume in service["volumes"]:
            if volume.startswith(".."):
                assert (MONITORING.parent / "deploy" / volume.partition(":")[0]).is_file(), volume


def test_prometheus_is_told_of_all_gateways() -> None:
    [job] = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"]
    [targets] = [each["targets"] for each in job["static_configs"]]
    gateways = {name for name in COMPOSE["services"] if name.startswith("gateway-")}
    assert {target.partition(":")[0] for target in targets} == gateways


# --- a real Prometheus ---


def write_configuration(directory: Path, target: str) -> Path:
    """The rules as they are, but evaluated every second and firing after one."""
    rules = {"groups": [{**group, "interval": "1s"} for group in RULES["groups"]]}
    for group in rules["groups"]:
        group["rules"] = [{**rule, "for": "1s"} if "alert" in rule else rule for rule in group["rules"]]
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    scraped = [{"job_name": "voicegw", "static_configs": [{"targets": [target]}]}]
    settings = {"global": {"scrape_interval": "1s"}, "rule_files": ["rules.yaml"], "scrape_configs": scraped}
    path = directory / "prometheus.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[str]:
    """A Prometheus that scrapes `target`; yields its URL."""
    address = f"127.0.0.1:{free_port()}"
    flags = {
        "config.file": write_configuration(directory, target),
        "storage.tsdb.path": directory / "data",
        "web.listen-address": address,
    }
    with (directory / "log").open("wb") as log:
        started = subprocess.Popen(
            ["prometheus", *(f"--{name}={value}" for name, value in flags.items())], stdout=log, stderr=log
        )
        try:
            yield f"http://{address}"
        finally:
            started.terminate()
            started.wait(PATIENCE_S)


def lists(url: str, kind: str, wanted: dict[str, str]) -> bool:
    """Whether Prometheus lists a target or an alert with all these properties."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{kind}", timeout=PATIENCE_S) as answer:
            listed = json.load(answer)["data"]
    except OSError:  # it does not listen yet
        return False
    items = listed["activeTargets" if kind == "targets" else "alerts"]
    return any(wanted.items() <= {**item["labels"], **item}.items() for item in items)


async def connect_briefly(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()


async def test_a_storm_of_connections_fires_its_alert(tmp_path: Path) -> None:
    async with staged() as stage:
        with prometheus(tmp_path, f"127.0.0.1:{stage.port}") as url:
            await until(lambda: lists(url, "targets", {"health": "up"}), PATIENCE_S)
            for _ in range(STORM):
                await connect_briefly(stage.port)
            firing = {"alertname": "ReconnectStorm", "state": "firing"}
            await until(lambda: lists(url, "alerts", firing), PATIENCE_S)
