"""The description of a server: how to install it, start it and use it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.dialect import Dialect


@dataclass(frozen=True)
class Setup:
    """The configuration that all servers have in common.

    python: the interpreter of the server's environment. model: a CTranslate2 directory. threads: of one
    decode. sessions: how many will be open at once. home: a directory of the server's own, in place of
    the user's. checkout: the server's sources, for one that cannot be installed from a wheel.
    """

    python: Path
    home: Path
    port: int
    model: Path
    device: str
    sessions: int
    end_silence_ms: int
    threads: int = 1
    checkout: Path | None = None

    @property
    def is_cuda(self) -> bool:
        """On a GPU; else on the CPU."""
        return self.device == "cuda"

    @property
    def compute_type(self) -> str:
        """CTranslate2's number format, the same for all servers that have this option."""
        return "float16" if self.is_cuda else "int8"


def no_environment(_setup: Setup) -> dict[str, str]:
    """No environment variables."""
    return {}


def one_thread_each(setup: Setup) -> dict[str, str]:
    """The environment variable that limits the threads of a decode."""
    return {"OMP_NUM_THREADS": str(setup.threads)}


def faster_whisper(version: str) -> tuple[str, ...]:
    """Requirements of the servers that recognise speech by faster-whisper."""
    return (
        "ctranslate2==4.8.5",
        f"faster-whisper=={version}",
        "numpy==2.4.6",
        "onnxruntime==1.32.0",
        "fastapi==0.165.0",
    )


@dataclass(frozen=True)
class Peer:
    """A server that can be measured.

    requirements, bare: pinned packages, the latter installed without what they depend on. path: of the
    WebSocket. health: of a page that answers 200 once the server is warm; "" when its listening is all that
    can be known. has_end_silence: it has an option for the silence that ends an utterance. settings: how it
    is run, and why it differs from its defaults, for the reader of the result. script: of the server, in a
    checkout of its sources, when it is in no wheel.
    """

    name: str
    version: str
    path: str
    health: str
    settings: str
    dialect: Callable[[], Dialect]
    command: Callable[[Setup], Sequence[str]]
    environment: Callable[[Setup], Mapping[str, str]] = field(default=no_environment)
    requirements: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    script: str = ""
    has_end_silence: bool = False
