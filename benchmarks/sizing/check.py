"""The simulation beside reality: the same speakers at a real server on this machine, without Redis.

The simulation gets the decode times that the server had in that run, because a machine with other work
decodes more slowly than when it was measured, and how much of the time was speech. Everything else is what
`scripts/plan` uses: lengths of utterances, words, pauses, which decodes are due when, queues and batches.
"""

import asyncio
import re
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.capacity.evaluation import figures
from benchmarks.capacity.load import Timing, run
from benchmarks.capacity.ramp import speakers_for
from benchmarks.command import FIXED_END_SILENCE
from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.measured import BATCHES, WINDOWS_S, Measured, decode_figure
from benchmarks.sizing.simulation import Simulation, simulate
from clients.local_server import local_server
from clients.samples import Sample
from voicegw import config
from voicegw.core.jobs import DecodeKind

TOLERANCE = 0.2
_SINGLE = (FIXED_END_SILENCE, "--asr.max-batch", "1", "--gateway.admission.max-sessions", "1000")
LEAST_MS = 50.0  # a smaller difference is less than two frames and a step of the event loop
_WARM_UP_S = 5.0
_FETCH_S = 10.0
_LOCAL = {"hop_p50_ms": 1.0, "redis_cpu_ms_per_speech_s": 0.0, "side_by_side_ratio": 1.0, "batch_limit": 1.0}
_SIMULATED_S = 200.0  # enough that chance has no part in it
COMPARED = {
    "word_p50_ms": "from the end of a word until it is in its final place",
    "word_p95_ms": "the same, at the 95th percentile",
    "jobs_per_s": "decodes",
    "busy_percent": "of the time of all workers",
}


@dataclass(frozen=True)
class Comparison:
    """Figures of COMPARED, measured and simulated, with as many streams."""

    streams: int
    real: Mapping[str, float]
    simulated: Mapping[str, float]

    def differs(self, name: str) -> float:
        """By how much the simulation is above the measurement, as a share of it."""
        return self.simulated[name] / self.real[name] - 1

    @property
    def apart(self) -> list[str]:
        """The figures that are further apart than the tolerance."""
        return [
            name
            for name in COMPARED
            if abs(self.differs(name)) > TOLERANCE
            and not (name.endswith("_ms") and abs(self.simulated[name] - self.real[name]) < LEAST_MS)
        ]


@dataclass(frozen=True)
class Decodes:
    """What a server has decoded since its start."""

    jobs: Mapping[DecodeKind, float]
    seconds: Mapping[DecodeKind, float]

    @classmethod
    def read(cls, url: str) -> "Decodes":
        """From the metrics of the server at this WebSocket URL."""
        address = url.replace("ws://", "http://").partition("/v1/")[0]
        with urllib.request.urlopen(f"{address}/metrics", timeout=_FETCH_S) as page:
            return cls.parse(bytes(page.read()).decode())

    @classmethod
    def parse(cls, page: str) -> "Decodes":
        found = dict(re.findall(r'^(voicegw_decode_seconds_\w+\{kind="\w+"\}) (\S+)', page, re.MULTILINE))
        sums, counts = (
            {
                kind: float(found.get(f'voicegw_decode_seconds_{part}{{kind="{kind}"}}', 0))
                for kind in DecodeKind
            }
            for part in ("sum", "count")
        )
        return cls(counts, sums)

    def __sub__(self, earlier: "Decodes") -> "Decodes":
        return Decodes(
            {kind: self.jobs[kind] - earlier.jobs[kind] for kind in DecodeKind},
            {kind: self.seconds[kind] - earlier.seconds[kind] for kind in DecodeKind},
        )


async def compare(
    streams: int, flags: Sequence[str], measured: Measured, seconds: float, samples: Sequence[Sample]
) -> Comparison:
    """A real run with so many speakers and its simulation. flags: of the server, with its workers. Raises
    ClientError."""
    settings = config.load(list(flags))
    taken: list[Decodes] = []
    async with local_server("--log-level", "warning", *_SINGLE, *flags) as server:

        async def take() -> None:
            taken.append(await asyncio.to_thread(Decodes.read, server.url))

        async def meanwhile() -> None:
            await take()
            await asyncio.sleep(seconds)
            await take()

        timing = Timing(seconds, _WARM_UP_S)
        played = await run(server, speakers_for(streams), timing, "none", meanwhile, samples)
    decodes = taken[1] - taken[0]
    found = figures([played], settings.session.endpoint.end_silence_ms)
    slots = settings.pool.workers
    real = {
        "word_p50_ms": found["wel_p50_ms"],
        "word_p95_ms": found["wel_p95_ms"],
        "jobs_per_s": sum(decodes.jobs.values()) / seconds,
        "busy_percent": 100 * sum(decodes.seconds.values()) / (slots * seconds),
    }
    there = Deployment(streams, found["speech_percent"] / 100, slots=slots)
    return Comparison(streams, real, _simulated(there, at_speed(measured, there, decodes)))


def _simulated(there: Deployment, measured: Measured) -> dict[str, float]:
    outcome = simulate(there, measured, _SIMULATED_S)
    return {
        "word_p50_ms": 1000 * outcome.word_p50_s,
        "word_p95_ms": 1000 * outcome.word_p95_s,
        "jobs_per_s": outcome.jobs_per_s,
        "busy_percent": 100 * outcome.worker_share,
    }


def at_speed(measured: Measured, there: Deployment, decodes: Decodes) -> Measured:
    """The figures for one server without Redis whose decodes took as long as these, of each kind."""
    local = measured.with_figures(_LOCAL)
    simulation = Simulation(there, local)
    simulation.run(_SIMULATED_S)
    work = simulation.workers.work
    scales = {
        kind: decodes.seconds[kind] / decodes.jobs[kind] / (work.busy_s[kind] / work.jobs[kind])
        for kind in DecodeKind
        if decodes.jobs[kind] and work.jobs[kind]
    }
    return local.with_figures(
        {
            name: scale * local[name]
            for kind, scale in scales.items()
            for name in (decode_figure(kind, window_s, batch) for window_s in WINDOWS_S for batch in BATCHES)
        }
    )
