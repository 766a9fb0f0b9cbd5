"""`scripts/bench batching`: ways to fill batches on a device that all decodes share, such as a GPU, on a
simulated clock.

Jobs arrive at random (Poisson). Decodes side by side slow each other down: with n of them, each takes 1 + c
(n - 1) times as long, where c is 0 for cores of their own and 1 for a device that one decode uses fully.
Taken at once, a batch is what waits when a worker is free. Gathering follows voicegw/asr/dispatch.py: while
the device decodes, a batch waits until it is full, or for as long as two full batches take.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from statistics import mean

from rich.table import Table

from benchmarks.command import new_parser
from benchmarks.measures import percentile
from benchmarks.report import console

_WARM_UP_S = 5.0
_SIGMA = 0.2  # of the logarithm of a decode's time
_DONE_S = 1e-9  # of work left: rounding
NUMBERS = {
    "--single-ms": (30.0, "one window alone"),
    "--full-ms": (60.0, "a full batch alone"),
    "--batch": (8, "windows of a full batch"),
    "--slots": (8, "decodes side by side"),
    "--seconds": (60.0, "simulated"),
}


@dataclass(frozen=True)
class Device:
    """single_s: one window alone. full_s: a full batch alone. beside: c above. slots: decodes side by side at
    most."""

    single_s: float
    full_s: float
    beside: float
    slots: int = 8
    batch: int = 8

    def alone_s(self, jobs: int) -> float:
        """The time of a batch by itself."""
        further_s = (self.full_s - self.single_s) / (self.batch - 1)
        return self.single_s + further_s * (jobs - 1)

    @property
    def gather_s(self) -> float:
        """How long a batch may gather; 0 if single decodes side by side get as much done (calibration.py)."""
        beside_s = self.single_s * (1 + self.beside * (self.slots - 1))
        return 2 * self.full_s if 1.5 * self.full_s / self.batch <= beside_s / self.slots else 0.0


@dataclass
class Running:
    """A batch in progress. work_s: what is left of it, in seconds alone."""

    work_s: float
    arrived: Sequence[float]


class SharedDevice:
    """One run. answered_s: from the arrival of each job to its answer. batches: the sizes."""

    def __init__(self, device: Device, jobs_per_s: float, gather_s: float, seed: int = 1) -> None:
        self.answered_s: list[float] = []
        self.batches: list[int] = []
        self._device = device
        self._jobs_per_s = jobs_per_s
        self._gather_s = gather_s
        self._random = Random(seed)
        self._now, self._gathers_until = 0.0, inf
        self._waiting: deque[float] = deque()  # when they arrived
        self._running: list[Running] = []

    def run(self, seconds: float) -> None:
        """From event to event: an arrival, the end of a batch, the end of gathering."""
        arrival = 0.0
        while self._now < seconds:
            least_s = min((batch.work_s for batch in self._running), default=inf)
            moment = min(arrival, self._now + least_s * self._slowdown, self._gathers_until)
            self._work(moment - self._now)
            self._now = moment
            if moment == arrival:
                self._waiting.append(arrival)
                arrival += self._random.expovariate(self._jobs_per_s)
            self._finish()
            while self._may_start():
                self._start()

    @property
    def _slowdown(self) -> float:
        return 1 + self._device.beside * (len(self._running) - 1)

    def _work(self, seconds: float) -> None:
        for batch in self._running:
            batch.work_s -= seconds / self._slowdown

    def _finish(self) -> None:
        for batch in [each for each in self._running if each.work_s <= _DONE_S]:
            self._running.remove(batch)
            if self._now > _WARM_UP_S:
                self.answered_s += [self._now - arrived for arrived in batch.arrived]
                self.batches.append(len(batch.arrived))

    def _may_start(self) -> bool:
        if not self._waiting or len(self._running) == self._device.slots:
            return False
        if not self._running or len(self._waiting) >= self._device.batch:
            return True
        if self._gathers_until == inf:
            self._gathers_until = self._now + self._gather_s
        return self._now >= self._gathers_until

    def _start(self) -> None:
        size = min(len(self._waiting), self._device.batch)
        arrived = [self._waiting.popleft() for _ in range(size)]
        varies = self._random.lognormvariate(-(_SIGMA**2) / 2, _SIGMA)
        self._running.append(Running(self._device.alone_s(size) * varies, arrived))
        self._gathers_until = inf


def compare(device: Device, jobs_per_s: float, seconds: float) -> dict[str, tuple[float, float, float]]:
    """Mean and p95 of the time to the answer in ms, and the mean batch: at once, and gathering as
    calibrated."""
    found = {}
    for name, gather_s in (("at once", 0.0), ("gathering", device.gather_s)):
        run = SharedDevice(device, jobs_per_s, gather_s)
        run.run(seconds)
        found[name] = (1000 * mean(run.answered_s), 1000 * percentile(run.answered_s, 95), mean(run.batches))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for each load and each c."""
    options = new_parser("batching", __doc__, numbers=NUMBERS).parse_args(argv)
    table = Table("c", "jobs / s", *(f"{way}: mean / p95 ms, batch" for way in ("at once", "gathering")))
    for beside in (1.0, 0.6, 0.3, 0.1):
        device = Device(
            options.single_ms / 1000, options.full_ms / 1000, beside, options.slots, options.batch
        )
        most = device.batch / device.full_s
        for load in (0.15, 0.45, 0.75, 0.9):
            found = compare(device, load * most, options.seconds).values()
            cells = (f"{mean_ms:.0f} / {p95_ms:.0f}, {batch:.1f}" for mean_ms, p95_ms, batch in found)
            table.add_row(f"{beside:g}", f"{load * most:.0f}", *cells)
        table.add_section()
    console().print(table)
    return 0
