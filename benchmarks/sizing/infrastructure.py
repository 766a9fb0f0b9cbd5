"""What lies between callers and workers: gateways and Redis shards, each with one thread that serves all.

Neither is simulated event by event, which would be 50 frames a second for each caller. A shard is a queue
with the measured CPU time or network time of a job, whichever is longer. A gateway adds the mean wait of an
M/G/1 queue (Pollaczek and Khinchine) with the measured CPU time of frames and jobs.
"""

from dataclasses import dataclass
from random import Random

from benchmarks.sizing.deployment import Deployment
from benchmarks.sizing.measured_figures import Measured

FRAMES_PER_S = 50.0  # of a caller, 20 ms each
_BITS = 8
_GIGA = 1e9
_LEAST_IDLE = 1e-3  # share of a gateway's time: the wait of one that cannot keep up stays a number


@dataclass(frozen=True)
class Shares:
    """How busy each gateway and each shard is, 0 to 1, and above 1 where they cannot keep up."""

    gateway: float
    shard_cpu: float
    shard_network: float

    @classmethod
    def of(cls, deployment: Deployment, measured: Measured) -> "Shares":
        """Callers are spread evenly."""
        per_shard = deployment.callers * deployment.talk / deployment.shards
        per_gateway = deployment.callers / deployment.gateways
        return cls(
            per_gateway * _GatewayCosts.of(measured).second_s(deployment.talk),
            per_shard * measured["redis_cpu_ms_per_speech_s"] / 1000,
            per_shard * _network_s(measured),
        )


def _network_s(measured: Measured) -> float:
    """Seconds for which a second of speech occupies a shard's network, in the busier direction."""
    directions = (measured["redis_in_bytes_per_speech_s"], measured["redis_out_bytes_per_speech_s"])
    return max(directions) * _BITS / (_GIGA * measured["network_gbit_per_s"])


class Infrastructure:
    """The gateways and shards of one installation."""

    def __init__(self, deployment: Deployment, measured: Measured, random: Random) -> None:
        self._random = random
        self._hop_s = measured["hop_p50_ms"] / 1000
        occupied_s = max(measured["redis_cpu_ms_per_speech_s"] / 1000, _network_s(measured))
        self._shard_job_s = occupied_s / measured["jobs_per_speech_s"]
        self._shard_free_at = [0.0] * deployment.shards
        self._gateway_wait_s = _gateway_wait_s(deployment, measured)

    def pass_on(self, caller: int, now: float) -> float:
        """How long a job of the caller takes to a worker, and its answer back, without wait and decode
        there."""
        shard = caller % len(self._shard_free_at)
        done_at = max(now, self._shard_free_at[shard]) + self._shard_job_s
        self._shard_free_at[shard] = done_at
        waits_s = 2 * self._random.expovariate(1 / self._gateway_wait_s)  # its audio, and its answer
        return self._hop_s + waits_s + done_at - now


@dataclass(frozen=True)
class _GatewayCosts:
    """CPU seconds of a frame, and of a decode with all that follows from it; decodes in a second of
    speech."""

    frame_s: float
    job_s: float
    jobs_per_speech_s: float

    @classmethod
    def of(cls, measured: Measured) -> "_GatewayCosts":
        """A decode costs what the frames leave of the CPU time that was measured with speakers."""
        total_s = measured["gateway_cpu_ms_per_audio_s"] / 1000
        frame_s = min(measured["frame_vad_us"] / 1e6, total_s / FRAMES_PER_S)
        jobs_per_speech_s = measured["jobs_per_speech_s"]
        jobs_per_s = jobs_per_speech_s * measured["traffic_speech_ratio"]
        return cls(frame_s, (total_s - FRAMES_PER_S * frame_s) / jobs_per_s, jobs_per_speech_s)

    def second_s(self, talk: float) -> float:
        """Of a second of a caller."""
        return FRAMES_PER_S * self.frame_s + talk * self.jobs_per_speech_s * self.job_s

    def second_moment(self, talk: float) -> float:
        """Of a second of a caller: the sum of the squares of its pieces of work."""
        return FRAMES_PER_S * self.frame_s**2 + talk * self.jobs_per_speech_s * self.job_s**2


def _gateway_wait_s(deployment: Deployment, measured: Measured) -> float:
    """The mean wait for the thread of a gateway."""
    costs, callers = _GatewayCosts.of(measured), deployment.callers / deployment.gateways
    idle = max(_LEAST_IDLE, 1 - callers * costs.second_s(deployment.talk))
    return callers * costs.second_moment(deployment.talk) / (2 * idle)
