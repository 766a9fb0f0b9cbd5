"""The examples under scripts/deploy say what this version understands."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voicegw import config
from voicegw.telemetry import Metrics

yaml: Any = pytest.importorskip("yaml")  # comes with faster-whisper

DEPLOY = Path(__file__).parent.parent / "scripts/deploy"
MANIFESTS = sorted(DEPLOY.glob("kubernetes/*.yaml"))
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def objects() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


def commands() -> Iterator[list[str]]:
    """Every `voicegw` command line in the examples, without `voicegw`."""
    for service in COMPOSE["services"].values():
        if service["image"] == "voicegw":
            yield shlex.split(service["command"])
    for thing in objects():
        if thing["kind"] == "Deployment":
            for container in thing["spec"]["template"]["spec"]["containers"]:
                yield container["args"]
    for unit in UNITS:
        [command] = re.findall(r"^ExecStart=\S+ (.*)$", unit.read_text(), re.MULTILINE)
        yield shlex.split(command.replace("%i", "8081"))


@pytest.mark.parametrize("arguments", list(commands()), ids=" ".join)
def test_the_flags_exist(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_CLUSTER__URL", "redis://here")
    command, *flags = arguments
    settings = config.load_worker(flags) if command == "worker" else config.load(flags)
    assert settings.cluster.url is not None


def test_every_kubernetes_object_says_what_it_is() -> None:
    kinds = {thing["kind"] for thing in objects()}
    assert {"Deployment", "StatefulSet", "Service", "ScaledObject"} < kinds
    assert all(thing["apiVersion"] for thing in objects())


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_the_kubernetes_objects_go_together(tmp_path: Path) -> None:
    copied = shutil.copytree(DEPLOY / "kubernetes", tmp_path / "kubernetes")
    (copied / "secrets.env").write_text("redis-url=redis://redis:6379\ntoken-secret=x\n")
    built = subprocess.run(
        ["kubectl", "kustomize", copied], capture_output=True, text=True, check=True
    ).stdout
    made = list(yaml.safe_load_all(built))
    [secret] = [thing["metadata"]["name"] for thing in made if thing["kind"] == "Secret"]
    assert built.count(f"name: {secret}\n") == 1 + 3  # the secret, and what refers to it


def test_selectors_and_probes_meet_their_pods() -> None:
    for thing in objects():
        if thing["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        template = thing["spec"]["template"]
        assert thing["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
        [container] = template["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        for probe in ("readinessProbe", "livenessProbe"):
            asked = container[probe].get("httpGet") or container[probe].get("tcpSocket")
            assert asked is None or asked["port"] in ports


def test_clients_come_back_to_their_gateway() -> None:
    services = {thing["metadata"]["name"]: thing["spec"] for thing in objects() if thing["kind"] == "Service"}
    assert services["voicegw"]["sessionAffinity"] == "ClientIP"


def test_workers_scale_by_metrics_that_exist() -> None:
    metrics = Metrics()
    metrics.cluster.redis_up.set(1)  # the family is there where a Redis is
    exposed = metrics.exposition().decode()
    [scaled] = [thing for thing in objects() if thing["kind"] == "ScaledObject"]
    for text in (*[each["metadata"]["query"] for each in scaled["spec"]["triggers"]], _readme()):
        for name in re.findall(r"voicegw_cluster_\w+", text):
            assert name in exposed, name


def _readme() -> str:
    return (DEPLOY / "README.md").read_text()


def test_compose_services_wait_for_redis() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"redis", "gateway-1", "gateway-2", "worker"}
    for service in services.values():
        if service["image"] == "voicegw":
            assert service["depends_on"]["redis"]["condition"] == "service_healthy"
    assert "healthcheck" in services["redis"]


def test_what_is_mounted_in_a_home_belongs_to_its_user() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", ()) if service["image"] == "voicegw" else ():
            path = volume.partition(":")[2]
            assert re.search(rf"install -d -o voicegw -g voicegw .*{path}\n", image), path


def test_a_renewed_certificate_reaches_the_unit() -> None:
    unit = (DEPLOY / "systemd/voicegw-gateway.service").read_text()
    assert "LoadCredential" not in unit  # a copy, made once at the start


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_valid(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@8081")
    copy.write_text(unit.read_text().replace("/opt/voicegw/.venv/bin/voicegw", shutil.which("true") or ""))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in checked.stderr.splitlines() if copy.name in line]
    assert (checked.returncode, complaints) == (0, [])
