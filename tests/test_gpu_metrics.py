"""Metrics of GPUs, which this machine need not have."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from voicegw import gpu_metrics
from voicegw.gpu_metrics import GpuCollector, GpuMemory, read_gpu_memory


class NVMLError(Exception):
    pass


class Driver:
    """NVIDIA's library, with two GPUs of which the second cannot be read."""

    NVMLError = NVMLError

    def __init__(self, *, installed: bool = True, lost: bool = False) -> None:
        self.installed = installed
        self.lost = lost

    def nvmlInit(self) -> None:  # noqa: N802 - its name there
        if not self.installed:
            raise NVMLError

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if self.lost:
            raise NVMLError
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index == 1:
            raise NVMLError
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=3_000, total=8_000)

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return "NVIDIA L4"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    gpu_metrics._library.cache_clear()
    yield
    gpu_metrics._library.cache_clear()


def test_reads_the_gpus_that_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    assert read_gpu_memory() == (GpuMemory(0, "NVIDIA L4", 3_000, 8_000),)


@pytest.mark.parametrize("library", [None, Driver(installed=False), Driver(lost=True)])
def test_without_package_or_driver_there_is_nothing(monkeypatch: pytest.MonkeyPatch, library: Any) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert read_gpu_memory() == ()


def exposed(collector: GpuCollector) -> str:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def test_each_gpu_has_metrics() -> None:
    text = exposed(GpuCollector(lambda: [GpuMemory(0, "a", 1, 2), GpuMemory(1, "b", 3, 4)]))
    assert 'voicegw_gpu_memory_used_bytes{gpu="1"} 3.0' in text
    assert 'voicegw_gpu_memory_total_bytes{gpu="0"} 2.0' in text


def test_without_a_gpu_there_are_no_values() -> None:
    assert "{" not in exposed(GpuCollector(lambda: ()))


def test_nothing_is_read_before_the_metrics_are_asked_for() -> None:
    def read() -> list[GpuMemory]:
        raise AssertionError("too early")

    CollectorRegistry().register(GpuCollector(read))
