"""The checks of `voicegw check`: each tries one part of a server, and yields what it has found. Those of what
makes replies are in reply_checks.py."""

import asyncio
import importlib.util
import socket
import time
from collections.abc import AsyncIterator

from voicegw.asr.vad import make_scorer
from voicegw.cluster.redis import connect
from voicegw.cluster.redis.monitor import REDIS_ERRORS
from voicegw.commands.findings import Finding, Status
from voicegw.commands.model_check import check_speech_model
from voicegw.commands.recognition import gpu_count
from voicegw.commands.reply_checks import REPLY_CHECKS
from voicegw.config import Settings
from voicegw.errors import StartupError
from voicegw.gateway.auth.access import Access
from voicegw.gateway.auth.authenticator import Authenticator
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.http.tls import Certificate, check_exposure
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gpu_metrics import read_gpu_memory
from voicegw.telemetry import Metrics
from voicegw.tracing import new_provider

_DAY_S = 86_400
_RENEW_DAYS = 14
_OLDEST_REDIS = 7
_GB = 1e9


async def _check_access(settings: Settings) -> AsyncIterator[Finding]:
    """Tokens, networks and limits, and whether the address may be served as it is configured."""
    try:
        authenticator = Authenticator(settings.tokens, LocalReplayCache())
        Access(settings.access, authenticator, Limits(settings.limits, Metrics()))
        development = authenticator.development
        check_exposure(
            settings.gateway.host,
            encrypted=settings.gateway.tls.enabled,
            behind_proxy=settings.access.behind_proxy,
            tokens=not development,
        )
    except StartupError as error:
        remedy = "see scripts/deploy/access.md and scripts/deploy/limits.md"
        yield Finding("access", Status.WRONG, error.message, remedy)
        return
    found = "no token is required; only this machine may connect" if development else "clients need a token"
    yield Finding("access", Status.NOTE if development else Status.OK, found)


async def _check_address(settings: Settings) -> AsyncIterator[Finding]:
    """Whether the port is free."""
    host, port = settings.gateway.host, settings.gateway.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as asyncio does
            one.bind((host, port))
    except OSError as error:
        found = f"cannot listen at {host}:{port}: {error.strerror or error}"
        yield Finding("address", Status.WRONG, found, "stop what uses it, or choose another --port or --host")
    else:
        yield Finding("address", Status.OK, f"{host}:{port} is free")


async def _check_tls(settings: Settings) -> AsyncIterator[Finding]:
    """The certificate, if there is one."""
    if not settings.gateway.tls.enabled:
        yield Finding("TLS", Status.OK, "off: ws://")
        return
    try:
        days = (Certificate(settings.gateway.tls).expires_at - time.time()) / _DAY_S
    except StartupError as error:
        yield Finding(
            "TLS", Status.WRONG, error.message, "give the PEM files of a certificate and of its key"
        )
        return
    if days <= 0:
        yield Finding("TLS", Status.WRONG, "the certificate has expired", "renew it")
    else:
        soon = days < _RENEW_DAYS
        found = f"the certificate is valid for {days:.0f} days"
        yield Finding("TLS", Status.NOTE if soon else Status.OK, found, "renew it" if soon else "")


async def _check_speech_detector(settings: Settings) -> AsyncIterator[Finding]:
    try:
        make_scorer(settings.vad)
    except (StartupError, ImportError) as error:
        remedy = "choose --vad-engine webrtc, or install voicegw again"
        yield Finding("speech detector", Status.WRONG, f"{settings.vad.engine}: {error}", remedy)
    else:
        yield Finding("speech detector", Status.OK, settings.vad.engine)


async def _check_redis(settings: Settings) -> AsyncIterator[Finding]:
    if settings.cluster.url is None:
        yield Finding("Redis", Status.OK, "not used: one gateway")
        return
    begin = time.monotonic()
    try:
        client = connect.connect(settings.cluster)
        try:
            version = str((await client.info("server"))["redis_version"])
        finally:
            await connect.close(client)
    except StartupError as error:
        yield Finding("Redis", Status.WRONG, error.message, "correct --redis")
        return
    except REDIS_ERRORS as error:
        found = f"{connect.parse(settings.cluster.url)}: {error}".partition("\n")[0]
        yield Finding("Redis", Status.WRONG, found, "start it, or correct --redis and its password")
        return
    if int(version.partition(".")[0]) < _OLDEST_REDIS:
        yield Finding(
            "Redis", Status.WRONG, f"version {version} is too old", f"use {_OLDEST_REDIS}.0 or newer"
        )
    else:
        took_ms = (time.monotonic() - begin) * 1000
        yield Finding("Redis", Status.OK, f"version {version} answered in {took_ms:.0f} ms")


async def _check_audio_packages(settings: Settings) -> AsyncIterator[Finding]:
    missing = [name for name in ("soundfile", "soxr", "av") if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "install voicegw again"
        yield Finding("audio packages", Status.WRONG, f"missing: {', '.join(missing)}", remedy)
    elif importlib.util.find_spec("sounddevice") is None:
        found = "complete; without `sounddevice`, which only the microphone client needs"
        yield Finding("audio packages", Status.OK, found)
    else:
        yield Finding("audio packages", Status.OK, "complete, with the microphone client's")


async def _check_traces(settings: Settings) -> AsyncIterator[Finding]:
    """Whether traces can be exported; sends none."""
    try:
        provider = new_provider(settings.traces, "voicegw")
    except StartupError as error:
        remedy = "install the extra `otel`, or correct --traces.exporter or the variables OTEL_…"
        yield Finding("traces", Status.WRONG, error.message, remedy)
        return
    if provider is not None:
        provider.shutdown()
    yield Finding("traces", Status.OK, f"to {settings.traces.exporter}" if provider else "off")


async def _check_gpu(settings: Settings) -> AsyncIterator[Finding]:
    count = await asyncio.to_thread(gpu_count)
    if settings.asr.device == "cuda" and not count:
        remedy = "install the driver and CUDA libraries, or choose --device cpu"
        yield Finding("GPU", Status.WRONG, "--device is cuda, and there is no GPU that can be used", remedy)
    elif settings.asr.device == "cpu" and count:
        yield Finding("GPU", Status.NOTE, f"{count}, not used", "--device cuda uses it")
    else:
        yield Finding("GPU", Status.OK, f"{count} for --device {settings.asr.device}")
    for gpu in await asyncio.to_thread(read_gpu_memory):
        used, total = gpu.used_bytes / _GB, gpu.total_bytes / _GB
        yield Finding("GPU", Status.OK, f"{gpu.index} ({gpu.name}): {used:.1f} of {total:.1f} GB in use")


CHECKS = (
    *(_check_access, _check_address, _check_tls, _check_redis, _check_traces, _check_gpu),
    *(_check_audio_packages, _check_speech_detector, check_speech_model, *REPLY_CHECKS),
)
