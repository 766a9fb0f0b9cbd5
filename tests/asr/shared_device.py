"""An engine whose decodes share one device, as on a GPU: one batch runs at a time, and a large one takes
little longer than a small one. It knows no speech."""

import time
from collections.abc import Sequence
from threading import Lock

import msgspec

from voicegw.asr.engine import EngineSpec
from voicegw.core.jobs import DecodeJob, DecodeResult

MAX_BATCH = 8


class DeviceOptions(msgspec.Struct, frozen=True):
    """single_s: of one window. further_s: for each more in the batch. calibrates_shared: calibration windows
    share the device, too, so that the calibration sees what there is to gain."""

    single_s: float = 0.04
    further_s: float = 0.004
    calibrates_shared: bool = True


class DeviceEngine:
    def __init__(self, options: DeviceOptions) -> None:
        self._options = options
        self._device = Lock()

    def warm(self) -> None:
        """Nothing to warm."""

    def decode_calibration(self, size: int) -> None:
        if self._options.calibrates_shared:
            self._run(size)
        else:
            time.sleep(self._seconds(size))

    def decode(self, jobs: Sequence[DecodeJob]) -> list[DecodeResult]:
        self._run(len(jobs))
        return [DecodeResult(job.session, job.number, ()) for job in jobs]

    def _run(self, size: int) -> None:
        with self._device:
            time.sleep(self._seconds(size))

    def _seconds(self, size: int) -> float:
        return self._options.single_s + self._options.further_s * (size - 1)


def load(options: bytes, threads: int, at_once: int) -> DeviceEngine:
    """The Loader."""
    return DeviceEngine(msgspec.msgpack.decode(options, type=DeviceOptions))


def spec(options: DeviceOptions | None = None) -> EngineSpec:
    """The engine as a worker process is told of it."""
    encoded = msgspec.msgpack.encode(options or DeviceOptions())
    return EngineSpec(f"{__name__}:load", encoded, threads=1, max_batch=MAX_BATCH, shares_device=True)
