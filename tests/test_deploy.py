"""The examples under scripts/deploy say what this version understands."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from benchmarks.sizing.autoscaling import WAITING_PER_WORKER
from benchmarks.sizing.deployment import GATEWAY_LIMIT, WORKER_LIMIT
from tests.redis_server import free_port
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
    secrets = "redis-password=y\nredis-url=redis://:y@redis:6379\ntoken-secret=x\n"
    (copied / "secrets.env").write_text(secrets)
    built = subprocess.run(
        ["kubectl", "kustomize", copied], capture_output=True, text=True, check=True
    ).stdout
    made = list(yaml.safe_load_all(built))
    [secret] = [thing["metadata"]["name"] for thing in made if thing["kind"] == "Secret"]
    assert built.count(f"name: {secret}\n") == 1 + 4  # the secret, and what refers to it


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


def triggers(scaled: str) -> list[dict[str, Any]]:
    """What makes the deployment of this name larger."""
    [found] = [
        thing["spec"]
        for thing in objects()
        if thing["kind"] == "ScaledObject" and thing["metadata"]["name"] == scaled
    ]
    assert found["scaleTargetRef"]["name"] == scaled
    return [{"type": each["type"], **each["metadata"]} for each in found["triggers"]]


def test_workers_scale_by_metrics_that_exist() -> None:
    metrics = Metrics()
    metrics.cluster.redis_up.set(1)  # the family is there where a Redis is
    exposed = metrics.exposition().decode()
    queries = [each["query"] for each in triggers("voicegw-worker")]
    for text in (*queries, *[(DEPLOY / name).read_text() for name in ("README.md", "sizing.md")]):
        for name in re.findall(r"voicegw_cluster_\w+", text):
            assert f"# TYPE {name} " in exposed, name
    assert all("voicegw_cluster_" in query for query in queries)


def test_the_thresholds_of_scaling_are_those_of_the_plan_and_of_its_document() -> None:
    busy, waiting = triggers("voicegw-worker")
    [cpu] = triggers("voicegw-gateway")
    assert float(busy["threshold"]) == WORKER_LIMIT
    assert int(waiting["threshold"]) == WAITING_PER_WORKER
    assert float(cpu["value"]) == 100 * GATEWAY_LIMIT
    rows = re.findall(r"^\| (\w+) \| `(.*?)` \| ([\d.]+)", (DEPLOY / "sizing.md").read_text(), re.MULTILINE)
    documented = {(part, query): float(threshold) for part, query, threshold in rows}
    assert documented == {
        ("workers", busy["query"]): float(busy["threshold"]),
        ("workers", waiting["query"]): float(waiting["threshold"]),
        ("gateways", "cpu"): float(cpu["value"]),
    }


def test_a_gateway_asks_for_the_core_that_its_scaling_is_a_share_of() -> None:
    [gateway] = [pod for app, pod in templates() if app == "voicegw-gateway"]
    assert gateway["containers"][0]["resources"]["requests"]["cpu"] == "1"


def test_compose_services_wait_for_redis() -> None:
    services = COMPOSE["services"]
    usual = {name for name, service in services.items() if "profiles" not in service}
    assert usual == {"redis", "gateway-1", "gateway-2", "worker"}
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


def test_images_are_named_by_their_exact_version() -> None:
    named = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    named += [service["image"] for service in COMPOSE["services"].values()]
    named += [container["image"] for _, pod in templates() for container in pod["containers"]]
    others = {image for image in named if image != "voicegw"}  # which is built here
    monitoring = {"prom/prometheus", "grafana/grafana", "jaegertracing/jaeger"}
    assert {image.partition(":")[0] for image in others} == {"python", "redis"} | monitoring
    assert len(others) == 5  # the same everywhere
    assert all(re.search(r":v?\d+\.\d+\.\d+(-[a-z-]+)?$", image) for image in others)


def test_the_image_is_made_of_locked_packages_that_are_there() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY "):
            assert all((DEPLOY / "../.." / source).exists() for source in line.split()[1:-1]), line
        if line.startswith("RUN") and "pip " in line:
            assert "--require-hashes" in line or "--no-deps" in line, line


def test_the_image_has_all_that_the_wheel_is_made_of() -> None:
    build = tomllib.loads((DEPLOY / "../../pyproject.toml").read_text())["tool"]["hatch"]["build"]
    copied = re.findall(r"^COPY (.*) /source/", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    wheel = build["targets"]["wheel"]
    for needed in (*wheel["packages"], *wheel["force-include"], "clients", "README.md", "LICENSE"):
        assert any(f"{needed}/".startswith(f"{path}/") for line in copied for path in line.split()), needed


def test_a_renewed_certificate_reaches_the_unit() -> None:
    unit = (DEPLOY / "systemd/voicegw-gateway.service").read_text()
    assert "LoadCredential" not in unit  # a copy, made once at the start


# --- what the examples keep out ---


def templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each kind of pod: its label, and what is said of it."""
    for thing in objects():
        if thing["kind"] in {"Deployment", "StatefulSet"}:
            template = thing["spec"]["template"]
            yield template["metadata"]["labels"]["app"], template["spec"]


def test_containers_have_no_privileges_and_limits() -> None:
    for service in COMPOSE["services"].values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"]
        assert service["pids_limit"]
        assert service["ulimits"] == {"core": 0}
        assert all("size=" in each for each in service["tmpfs"])
        assert service["mem_limit"]
    image = (DEPLOY / "Dockerfile").read_text()
    [user] = re.findall(r"^USER (\d+)$", image, re.MULTILINE)
    for app, pod in templates():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert app == "redis" or pod["securityContext"]["runAsUser"] == int(user)
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert {volume["name"] for volume in pod["volumes"]} <= mounts


UNIT_LINES = (
    *("NoNewPrivileges=yes", "CapabilityBoundingSet=", "UMask=0077", "ProtectSystem=strict"),
    *("PrivateDevices=yes", "ProtectKernelTunables=yes", "RestrictNamespaces=yes", "RestrictSUIDSGID=yes"),
    *("SystemCallFilter=@system-service", "SystemCallArchitectures=native"),
    "LimitCORE=0",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_have_no_privileges_and_limits(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert set(UNIT_LINES) <= set(lines)
    assert any(line.startswith("MemoryMax=") for line in lines)
    assert any(line.startswith("TasksMax=") for line in lines)


def redis_scripts() -> Iterator[str]:
    """What starts Redis in the examples."""
    *_, script = COMPOSE["services"]["redis"]["command"]
    yield script.replace("$$", "$")
    [pod] = [pod for app, pod in templates() if app == "redis"]
    *_, script = pod["containers"][0]["command"]
    yield script


@pytest.mark.parametrize("script", list(redis_scripts()), ids=["compose", "kubernetes"])
def test_redis_asks_for_the_password_and_shows_it_to_nobody(script: str, tmp_path: Path) -> None:
    port = str(free_port())
    script = script.replace("exec redis-server", f"exec redis-server --dir {tmp_path} --port {port}")
    environment = {**os.environ, "REDISCLI_AUTH": "the password"}
    started = subprocess.Popen(["sh", "-c", script], env=environment, stdout=subprocess.DEVNULL)
    try:
        patience = Retry(ConstantBackoff(0.1), 100)
        with Redis(port=int(port), retry=patience) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        asked = ["redis-cli", "-p", port, "ping"]  # as the probes do
        answered = subprocess.run(asked, env=environment, capture_output=True, check=True)
        assert answered.stdout == b"PONG\n"
        assert b"the password" not in Path(f"/proc/{started.pid}/cmdline").read_bytes()
    finally:
        started.kill()
        started.wait()


def test_no_redis_url_is_without_a_password() -> None:
    for path in filter(Path.is_file, DEPLOY.rglob("*")):
        written = "" if path.suffix == ".md" else path.read_text()
        for url in re.findall(r"rediss?://[^.\s`].*", written):
            assert re.match(r"rediss?://:(\$\{REDIS_PASSWORD\}|PASSWORD)@", url), (path, url)


def test_only_gateways_and_workers_reach_redis() -> None:
    networks = {name: service.get("networks", ["default"]) for name, service in COMPOSE["services"].items()}
    assert networks["redis"] == ["redis"]
    assert "ports" not in COMPOSE["services"]["redis"]
    assert COMPOSE["networks"]["redis"]["internal"]
    policies = {thing["metadata"]["name"]: thing for thing in objects() if thing["kind"] == "NetworkPolicy"}
    [rule] = policies["redis"]["spec"]["ingress"]
    let_in = {each["podSelector"]["matchLabels"]["app"] for each in rule["from"]}
    assert let_in == {"voicegw-gateway", "voicegw-worker"}


def test_what_stops_a_process_waits_until_it_has_drained() -> None:
    gateway, worker = config.Settings(), config.WorkerSettings()
    drain_ms = {
        "voicegw-gateway": gateway.gateway.drain_timeout_ms,
        "voicegw-worker": max(worker.consumer.drain_timeout_ms, worker.tool_worker.drain_timeout_ms),
    }
    grace_s = [
        (app, pod["terminationGracePeriodSeconds"]) for app, pod in templates() if app.startswith("voicegw-")
    ]
    for unit in UNITS:
        [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
        grace_s.append((unit.stem.rstrip("@"), int(seconds)))
    for name, service in COMPOSE["services"].items():
        if service["image"] == "voicegw":
            app = f"voicegw-{name.partition('-')[0]}"
            grace_s.append((app, int(service["stop_grace_period"].removesuffix("s"))))
    assert {app for app, _ in grace_s} == set(drain_ms)
    assert all(1000 * seconds >= drain_ms[app] + 5000 for app, seconds in grace_s)


def test_every_pod_has_a_policy_and_its_ports_exist() -> None:
    policies = {
        thing["spec"]["podSelector"]["matchLabels"]["app"]: thing["spec"]
        for thing in objects()
        if thing["kind"] == "NetworkPolicy"
    }
    for app, pod in templates():
        assert "Ingress" in policies[app]["policyTypes"]
        named = {port["name"] for port in pod["containers"][0]["ports"]}
        for rule in policies[app]["ingress"]:
            assert rule["from"]
            assert {each["port"] for each in rule["ports"]} <= named
    written = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())["resources"]
    assert sorted(written) == sorted(path.name for path in MANIFESTS if path.name != "kustomization.yaml")


@pytest.mark.parametrize("arguments", list(commands()), ids=" ".join)
def test_a_proxy_is_trusted_by_its_own_addresses_only(arguments: list[str]) -> None:
    if "--access.behind-proxy" in arguments:
        trusted = ip_network(arguments[arguments.index("--access.proxy.trusted") + 1])
        assert trusted.num_addresses <= 16


def test_probes_are_for_this_machine_or_behind_a_policy_or_on_private_networks() -> None:
    guarded = [pod["containers"][0].get("args") for _, pod in templates()]
    guarded += [
        shlex.split(service["command"])
        for service in COMPOSE["services"].values()
        if service["image"] == "voicegw" and "ports" not in service
    ]
    for arguments in commands():
        if "--consumer.probe-host" in arguments:
            assert arguments in guarded


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
