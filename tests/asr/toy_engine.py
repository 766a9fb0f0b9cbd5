"""An engine from outside the package: it knows no speech, and says how long each window is."""

import os
from collections.abc import Sequence

import msgspec

from voicegw.asr.engine import EngineSpec
from voicegw.core.jobs import DecodeJob, DecodeResult, Word
from voicegw.errors import ModelUnavailable

PATH = f"{__name__}:load"


class ToyOptions(msgspec.Struct, frozen=True):
    """unit: what the words end in. broken: there are no weights. forgets: the last window gets no result."""

    unit: str = "samples"
    broken: bool = False
    forgets: bool = False


class ToyEngine:
    """Answers each window with its length, its process and what it was loaded with."""

    def __init__(self, options: ToyOptions, threads: int, at_once: int) -> None:
        self.layout = threads, at_once
        self._options = options
        self.warmed = 0

    def warm(self) -> None:
        self.warmed += 1

    def decode_calibration(self, size: int) -> None:
        """Costs nothing."""

    def decode(self, jobs: Sequence[DecodeJob]) -> list[DecodeResult]:
        answered = jobs[:-1] if self._options.forgets else jobs
        return [self._result(job, len(jobs)) for job in answered]

    def _result(self, job: DecodeJob, batch: int) -> DecodeResult:
        size = len(job.pcm) // 2
        written = f"{size} {self._options.unit} {batch} {os.getpid()} {os.environ.get('TOY', '-')}"
        words = tuple(Word(text, job.start, job.start + size, 1.0) for text in written.split())
        return DecodeResult(job.session, job.number, words)


def load(options: bytes, threads: int, at_once: int) -> ToyEngine:
    """The Loader."""
    chosen = msgspec.msgpack.decode(options, type=ToyOptions)
    if chosen.broken:
        raise ModelUnavailable("the toy is broken")
    return ToyEngine(chosen, threads, at_once)


def spec(options: ToyOptions | None = None, threads: int = 0, max_batch: int = 1) -> EngineSpec:
    """The toy as a worker process is told of it."""
    encoded = msgspec.msgpack.encode(options or ToyOptions())
    return EngineSpec(PATH, encoded, threads=threads, max_batch=max_batch)
