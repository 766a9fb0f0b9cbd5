"""The simulation beside reality: the same speakers at a real server on this machine, without Redis.

The simulation gets the mean and the spread of the decode times that the server had in that run, because a
machine with other work decodes more slowly than when it was measured, and how much of the time was speech.
Everything else is what `scripts/plan` uses: lengths of utterances, words, pauses, which decodes are due when,
queues and batches.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.capacity.evaluation import figures
from benchmarks.capacity.load import Timing, run
from benchmarks.capacity.ramp import speakers_for
from benchmarks.command import FIXED_END_SILENCE
from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.measured_figures import Measured
from benchmarks.sizing.server_decodes import SIMULATED_S, ServerDecodes, at_speed
from benchmarks.sizing.simulation import simulate
from clients.local_server import local_server
from clients.samples import Sample
from voicegw import config
from voicegw.core.jobs import DecodeKind

TOLERANCE = 0.2
LEAST_MS = 50.0  # a smaller difference is less than two frames and a step of the event loop
_SINGLE = (FIXED_END_SILENCE, "--asr.max-batch", "1", "--gateway.admission.max-sessions", "1000")
_WARM_UP_S = 5.0
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


async def compare(
    streams: int, flags: Sequence[str], measured: Measured, seconds: float, samples: Sequence[Sample]
) -> Comparison:
    """A real run with so many speakers and its simulation. flags: of the server, with its workers. Raises
    ClientError."""
    settings = config.load(list(flags))
    taken: list[ServerDecodes] = []
    async with local_server("--log-level", "warning", *_SINGLE, *flags) as server:

        async def take() -> None:
            taken.append(await asyncio.to_thread(ServerDecodes.read, server.url))

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
        "jobs_per_s": sum(map(decodes.jobs, DecodeKind)) / seconds,
        "busy_percent": 100 * sum(decodes.seconds.values()) / (slots * seconds),
    }
    there = Deployment(streams, found["speech_percent"] / 100, slots=slots)
    return Comparison(streams, real, _simulated(there, at_speed(measured, there, decodes)))


def _simulated(there: Deployment, measured: Measured) -> dict[str, float]:
    outcome = simulate(there, measured, SIMULATED_S)
    return {
        "word_p50_ms": 1000 * outcome.word_p50_s,
        "word_p95_ms": 1000 * outcome.word_p95_s,
        "jobs_per_s": outcome.jobs_per_s,
        "busy_percent": 100 * outcome.worker_share,
    }
