"""Each check against the real part, once as it should be and once not."""

import socket
import sys
from pathlib import Path

import pytest

from tests.gateway.http.test_tls import Authority
from tests.redis_server import free_port
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.commands import part_checks
from voicegw.commands.findings import Finding, Status
from voicegw.commands.part_checks import CHECKS
from voicegw.config import Settings, load
from voicegw.gateway.http.tls import TlsOptions
from voicegw.gateway.server import GatewayOptions
from voicegw.gpu_metrics import GpuMemory
from voicegw.tracing import TraceOptions

BY_NAME = {check.__name__: check for check in CHECKS}


async def found(name: str, settings: Settings) -> list[Finding]:
    return [finding async for finding in BY_NAME[f"_check_{name}"](settings)]


async def only(name: str, settings: Settings) -> Finding:
    [finding] = await found(name, settings)
    assert (finding.status is Status.WRONG) <= bool(finding.remedy)
    return finding


async def test_an_address_that_is_in_use_is_wrong() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finding = await only("address", Settings(gateway=GatewayOptions(port=port)))
    assert finding.status is Status.WRONG
    assert (await only("address", Settings(gateway=GatewayOptions(port=free_port())))).status is Status.OK


async def test_a_network_without_tls_is_wrong() -> None:
    exposed = await only("access", Settings(gateway=GatewayOptions(host="0.0.0.0")))
    assert exposed.status is Status.WRONG
    assert "TLS" in exposed.found
    assert (await only("access", Settings())).status is Status.NOTE


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--limits.user-messages", "many"), "limits.user_messages"),
        (("--limits.exempt", "here"), "here"),
        (("--access.metrics-from", "there"), "there"),
        (("--access.proxy.trusted", "everybody", "--behind-proxy"), "everybody"),
    ],
)
async def test_limits_and_networks_are_those_that_the_server_takes(
    arguments: tuple[str, ...], named: str
) -> None:
    finding = await only("access", load(arguments))
    assert finding.status is Status.WRONG
    assert named in finding.found


async def test_traces_are_those_that_the_server_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    async def status(exporter: str | None) -> Status:
        return (await only("traces", Settings(traces=TraceOptions(exporter)))).status

    assert [await status(name) for name in (None, "otlp", "nonesuch")] == [Status.OK, Status.OK, Status.WRONG]
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert "'voicegw[otel]'" in (await only("traces", Settings(traces=TraceOptions("otlp")))).found


async def test_tls_files(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    good = await only("tls", Settings(gateway=GatewayOptions(tls=authority.options)))
    assert good.status is Status.OK
    assert "days" in good.found
    authority.spoil()
    bad = await only("tls", Settings(gateway=GatewayOptions(tls=authority.options)))
    assert bad.status is Status.WRONG
    missing = TlsOptions(cert="/nowhere", key="/nowhere")
    assert (await only("tls", Settings(gateway=GatewayOptions(tls=missing)))).status is Status.WRONG
    assert (await only("tls", Settings())).status is Status.OK


async def test_redis(redis_url: str) -> None:
    assert (await only("redis", Settings(cluster=RedisOptions(url=redis_url)))).status is Status.OK
    away = RedisOptions(url=f"redis://:secret@127.0.0.1:{free_port()}")
    finding = await only("redis", Settings(cluster=away))
    assert finding.status is Status.WRONG
    assert "secret" not in finding.found


async def test_packages_are_complete() -> None:
    assert (await only("audio_packages", Settings())).status is Status.OK
    assert (await only("speech_detector", Settings())).status is Status.OK


async def test_the_memory_of_each_gpu_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_checks, "gpu_count", lambda: 1)
    memory = GpuMemory(0, "NVIDIA L4", 3_100_000_000, 24_000_000_000)
    monkeypatch.setattr(part_checks, "read_gpu_memory", lambda: (memory,))
    settings = Settings(asr=WhisperOptions(device="cuda"))
    assert [finding.found for finding in await found("gpu", settings)] == [
        "1 for --device cuda",
        "0 (NVIDIA L4): 3.1 of 24.0 GB in use",
    ]
