"""One run of one server: it is started, used by some speakers at once, and stopped."""

import asyncio
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.installing import home, interpreter
from benchmarks.peers.peer import Peer, Setup
from benchmarks.peers.playing import play
from benchmarks.peers.run_figures import Run
from benchmarks.peers.serving import serving
from benchmarks.processes import busy_seconds, cpu_seconds
from benchmarks.tracks import Track, track
from clients.errors import ClientError
from tests.redis_server import free_port

IMPORT_S = 120.0  # of PyTorch, on a busy machine
_HAS_CUDA = "import torch, sys; sys.exit(not torch.cuda.is_available())"


class CannotRun(ClientError):
    """A peer lacks a requirement, which the message names."""


@dataclass(frozen=True)
class Bench:
    """What all runs have in common. pieces: the utterances. Times are in seconds."""

    pieces: Sequence[Track]
    model: Path
    device: str
    end_silence_ms: int
    seconds: float
    warm_up_s: float
    checkout: Path | None

    async def run(self, peer: Peer, streams: int) -> Run:
        """The run. Raises ClientError with the reason when it fails."""
        python = await asyncio.to_thread(interpreter, peer)
        self._check(peer, python)
        setup = Setup(
            python=python,
            home=home(peer),
            port=free_port(),
            model=self.model,
            device=self.device,
            sessions=streams,
            end_silence_ms=self.end_silence_ms,
            checkout=self.checkout,
        )
        length_s = self.warm_up_s + self.seconds
        tracks = [track(self.pieces, number / streams, length_s) for number in range(streams)]
        async with serving(peer, setup) as server:
            before = _clocks(server.pid)
            sessions = await play(server.url, peer.dialect, tracks)
            wall_s, busy_s, client_s, server_s = (
                now - then for then, now in zip(before, _clocks(server.pid), strict=True)
            )
            return Run(
                tuple(sessions),
                cpu_s=server_s,
                elsewhere_cores=(busy_s - client_s - server_s) / wall_s,
                warm_up_ms=round(1000 * self.warm_up_s),
                end_silence_ms=self.end_silence_ms if peer.has_end_silence else None,
            )

    def _check(self, peer: Peer, python: Path) -> None:
        if peer.script:
            if self.checkout is None:
                raise CannotRun(f"needs its sources: --{peer.name}-checkout PATH")
            if not (self.checkout / peer.script).is_file():
                raise CannotRun(f"there is no {peer.script} in {self.checkout}")
        if self.device == "cuda" and peer.requirements and not _finds_gpu(python):
            raise CannotRun("its PyTorch finds no GPU, without which it would silently use the CPU")


def _clocks(server: int) -> tuple[float, float, float, float]:
    """In seconds: time, and CPU time of the whole machine, of this process and of the server's."""
    return time.monotonic(), busy_seconds(), time.process_time(), cpu_seconds(server)


def _finds_gpu(python: Path) -> bool:
    asked = subprocess.run([python, "-c", _HAS_CUDA], check=False, timeout=IMPORT_S)
    return asked.returncode == 0
