"""The port of speech engines, which decode windows in worker processes, and how a process is told which
engine to load.

An engine is named by an import path, which is sent to the process. Any engine that follows the protocols
below can be loaded. The included one is in whisper_loader.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import Protocol

import msgspec

from voicegw.core.jobs import DecodeJob, DecodeResult
from voicegw.errors import ModelUnavailable


class Engine(Protocol):
    """A loaded model. Several threads use it at the same time, as many as it was loaded for."""

    def warm(self) -> None:
        """Does the work that would make the first decode slower than later ones; called once in each
        thread."""
        ...

    def decode_calibration(self, size: int) -> None:
        """A batch of so many windows, each of a typical cost, which is the same every time."""
        ...

    def decode(self, jobs: Sequence[DecodeJob]) -> list[DecodeResult]:
        """The words of each window, none where there is no speech in it. Several jobs are of one kind, in
        one language, with the same prompt; see batcher.py."""
        ...


class Loader(Protocol):
    """The object at an engine's import path, such as a function."""

    def __call__(self, options: bytes, threads: int, at_once: int) -> Engine:
        """The engine with its weights in memory. options: those of its EngineSpec. threads: of one decode.
        at_once: threads of Python that will use it at the same time. Raises ModelUnavailable."""
        ...


class EngineSpec(msgspec.Struct, frozen=True):
    """Which engine a worker process loads.

    loader: import path of its Loader, as `package.module:name`. options: of the loader, in MessagePack; only
    the engine knows their meaning. threads: of one decode; 0 for what a calibration finds. max_batch: the
    most windows that it can decode together. end_of_turn: a second model estimates whether the speaker of a
    final has finished. shares_device: decodes side by side are on one device, such as a GPU, and not on
    cores of their own.
    """

    loader: str
    options: bytes = msgspec.msgpack.encode(None)
    threads: int = 0
    max_batch: int = 1
    end_of_turn: bool = False
    shares_device: bool = False

    def load(self, threads: int, at_once: int) -> Engine:
        """The engine. Raises ModelUnavailable."""
        try:
            loader: Loader = resolve_name(self.loader)
        except (ImportError, AttributeError, ValueError) as error:
            raise ModelUnavailable(f"cannot import the speech engine {self.loader}: {error}") from error
        return loader(self.options, threads, at_once)


class EngineSource(Protocol):
    """Provides the engine of a pool. environment: variables for its processes, unless they are set
    already."""

    @property
    def environment(self) -> dict[str, str]: ...

    async def prepare(self) -> EngineSpec:
        """Gets what the engine needs, such as its weights, which may be a download. Raises
        ModelUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class ReadyEngine:
    """The source of an engine that needs no preparation."""

    spec: EngineSpec
    environment: dict[str, str] = field(default_factory=dict)

    async def prepare(self) -> EngineSpec:
        """See EngineSource."""
        return self.spec
