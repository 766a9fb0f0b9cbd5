"""The alerts, the dashboard and the example installation of Prometheus: they name what a server exports, and
the alerts fire when they should."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from benchmarks.chaos import reconnect
from benchmarks.relay import relay
from benchmarks.server_under_test import ROOM
from clients.local_server import local_server
from tests.metrics_table import series_names
from tests.observing import PATIENCE_S, until
from tests.prometheus_server import MONITORING, RULES, prometheus
from voicegw import config

COMPOSE = yaml.safe_load((MONITORING.parent / "deploy/compose.yaml").read_text())
CASES = yaml.safe_load((MONITORING / "rules_test.yaml").read_text())["tests"]
DASHBOARD = json.loads((MONITORING / "grafana/voicegw.json").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule]
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}
STORM = 500  # clients
RESUME = ("--gateway.resume.window-ms", "600000", "--gateway.resume.max-parked", str(STORM))


def around() -> tuple[float, float]:
    """The last seconds, and a moment more: the sample of now may be missing."""
    return time.time() - 5, time.time()


def promtool(*arguments: str) -> None:
    ran = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, cwd=MONITORING
    )
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


JOBS = {
    job["job_name"]: job
    for job in yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"]
}


def test_prometheus_is_told_of_all_gateways() -> None:
    [targets] = [each["targets"] for each in JOBS["voicegw"]["static_configs"]]
    gateways = {name for name in COMPOSE["services"] if name.startswith("gateway-")}
    assert {target.partition(":")[0] for target in targets} == gateways


def test_prometheus_is_told_of_all_workers() -> None:
    [found] = JOBS["voicegw-worker"]["dns_sd_configs"]
    [name] = found["names"]
    worker, prometheus = COMPOSE["services"][name], COMPOSE["services"]["prometheus"]
    assert set(prometheus["networks"]) <= set(worker["networks"])
    options = config.load_worker(["--redis", "redis://redis", *worker["command"].split()[1:]]).consumer
    assert (options.probe_host, options.probe_port) == ("0.0.0.0", found["port"])


@pytest.mark.parametrize(("name", "query"), list(queries()))
def test_queries_name_jobs_that_there_are(name: str, query: str) -> None:
    for jobs in re.findall(r'job=~?"([^"]+)"', query):
        assert set(jobs.split("|")) <= set(JOBS)


def test_pods_get_the_names_of_these_jobs() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", (MONITORING / "README.md").read_text(), re.DOTALL)
    [rule] = yaml.safe_load(example)["relabel_configs"]
    assert rule["target_label"] == "job"
    renamed = rule["replacement"].replace("$", "\\")
    apps = ("voicegw-gateway", "voicegw-worker")
    assert [re.sub(rule["regex"], renamed, app) for app in apps] == list(JOBS)


# --- a real Prometheus ---


async def test_a_storm_of_clients_fires_its_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real clients with sessions at a real server; all of them lose their connections and come back."""
    monkeypatch.setattr(reconnect, "GIVE_UP_S", 5 * PATIENCE_S)  # the machine may be busy
    async with (
        local_server("--model", "bundled", "--workers", "1", *ROOM, *RESUME) as server,
        relay(server.url) as between,
        AsyncExitStack() as stack,
    ):
        target = urlsplit(server.url).netloc
        running = stack.enter_context(prometheus(tmp_path, target))
        await until(lambda: running.lists("targets", {"health": "up"}))
        clients = await reconnect.connected(stack, between.url, STORM)
        found = await reconnect.reset_all(clients, between.cut)
        assert (len(found.back_s), found.lost) == (STORM, 0)
        firing = {"alertname": "ReconnectStorm", "state": "firing"}
        await until(lambda: running.lists("alerts", firing))

        def resumes() -> dict[str, str]:
            """How many there were when Prometheus last asked, by outcome."""
            found = running.query_range("voicegw_resumes_total", *around())
            return {series["metric"]["outcome"]: series["values"][-1][1] for series in found}

        await until(lambda: resumes() == {"resumed": str(STORM), "lost": "0"})
