"""The memory of the GPUs, through NVIDIA's own library (package `nvidia-ml-py`, extra `gpu`)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """The memory of one GPU. used_bytes: by all processes of the machine."""

    index: int
    name: str
    used_bytes: int
    total_bytes: int


def read_gpu_memory() -> Sequence[GpuMemory]:
    """The memory of each GPU; empty without a GPU, its driver or the package, or once the driver is lost."""
    library = _library()
    if library is None:
        return ()
    try:
        return tuple(_memories(library))
    except library.NVMLError:
        return ()


@cache
def _library() -> Any:
    """The library, ready for use; None where there is nothing to read."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _memories(library: Any) -> Iterator[GpuMemory]:
    for index in range(library.nvmlDeviceGetCount()):
        try:
            handle = library.nvmlDeviceGetHandleByIndex(index)
            memory, name = library.nvmlDeviceGetMemoryInfo(handle), library.nvmlDeviceGetName(handle)
        except library.NVMLError:  # this one may not be read, or was lost
            continue
        yield GpuMemory(index, str(name), int(memory.used), int(memory.total))


class GpuCollector(Collector):
    """The metrics, read when they are asked for."""

    def __init__(self, read: Callable[[], Sequence[GpuMemory]] = read_gpu_memory) -> None:
        self._read = read

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """The families without values, so that nothing is read at the start."""
        return self._families(())

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The current values; none without a GPU."""
        return self._families(self._read())

    def _families(self, gpus: Sequence[GpuMemory]) -> Iterable[GaugeMetricFamily]:
        used = GaugeMetricFamily(
            "voicegw_gpu_memory_used_bytes", "Memory of a GPU in use, by all processes", labels=["gpu"]
        )
        total = GaugeMetricFamily("voicegw_gpu_memory_total_bytes", "Memory of a GPU", labels=["gpu"])
        for gpu in gpus:
            used.add_metric([str(gpu.index)], gpu.used_bytes)
            total.add_metric([str(gpu.index)], gpu.total_bytes)
        return used, total
