"""What a real installation uses for each second of audio and of speech: one gateway, one worker and Redis,
while speakers talk. What they use while nobody is connected, such as for heartbeats, is subtracted, because
it does not grow with the speakers.

The worker has the bundled model, whose decodes are quick: with a slow one, this machine would be busy before
there are enough speakers, and neither the gateway's work nor the traffic of a job depends on the model.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from benchmarks.capacity.load import Run, Timing, run
from benchmarks.capacity.ramp import speakers_for
from benchmarks.chaos.installation import installation
from benchmarks.footprint import metrics_page
from benchmarks.processes import cpu_seconds, resident_bytes
from clients.local_server import LocalServer
from tests.redis_server import free_port

_IDLE_S = 5.0  # measured before the speakers come
_WARM_UP_S = 5.0


async def traffic_figures(streams: int, seconds: float) -> dict[str, float]:
    """Of so many speakers at once. Raises ClientError."""
    async with installation(workers=0) as there:
        probe = str(free_port())
        await there.add_worker("--consumer.probe-port", probe)
        gateway = await there.add_gateway()

        async def usage() -> dict[str, float]:
            page = await asyncio.to_thread(metrics_page, f"http://127.0.0.1:{probe}")
            redis = await asyncio.to_thread(there.redis.usage)
            return {
                "passed_s": time.monotonic(),
                "gateway_cpu_s": cpu_seconds(gateway.pid),
                "jobs": sum(map(float, re.findall(r"^voicegw_decode_seconds_count\S* (\S+)", page, re.M))),
                **{f"redis_{name}": value for name, value in asdict(redis).items()},
            }

        alone = await usage()
        await asyncio.sleep(_IDLE_S)
        before = await usage()
        server = LocalServer(there.urls[0], gateway.pid)
        played = await run(server, speakers_for(streams), Timing(seconds, _WARM_UP_S), reply="none")
        after = await usage()
        used = beyond_idle(alone, before, after)
        memory_mb = resident_bytes(gateway.pid) / 1e6
    return per_second(used, *_spoken_s(played)) | {"gateway_memory_mb": memory_mb}


async def worker_memory_mb(model: Sequence[str]) -> float:
    """Of a worker with its process, once the model is loaded and warm. model: options of the worker."""
    async with installation(workers=0) as there:
        worker = await there.add_worker(*model)
        return resident_bytes(worker.pid) / 1e6


def beyond_idle(
    alone: Mapping[str, float], before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, float]:
    """What was used from `before` to `after`, without as much as was used each second from `alone` to
    `before`. passed_s: the time of each, in seconds."""
    share = (after["passed_s"] - before["passed_s"]) / (before["passed_s"] - alone["passed_s"])
    return {
        name: max(0.0, after[name] - before[name] - share * (before[name] - alone[name]))
        for name in after
        if name != "passed_s"
    }


def per_second(used: Mapping[str, float], audio_s: float, speech_s: float) -> dict[str, float]:
    """The figures of the sizing model, from what was used in all."""
    return {
        "gateway_cpu_ms_per_audio_s": 1000 * used["gateway_cpu_s"] / audio_s,
        "redis_cpu_ms_per_speech_s": 1000 * used["redis_cpu_s"] / speech_s,
        "redis_in_bytes_per_speech_s": used["redis_in_bytes"] / speech_s,
        "redis_out_bytes_per_speech_s": used["redis_out_bytes"] / speech_s,
        "jobs_per_speech_s": used["jobs"] / speech_s,
        "traffic_speech_ratio": speech_s / audio_s,
    }


def _spoken_s(played: Run) -> tuple[float, float]:
    """Seconds of audio and of speech that were sent."""
    audio_s = speech_s = 0.0
    for spoken in played.spoken:
        if spoken.recording is not None:
            sent_s = spoken.recording.sent_samples / spoken.recording.rate
            audio_s += sent_s
            spans = [(said.start_ms / 1000, said.end_ms / 1000) for said in spoken.utterances]
            speech_s += sum(max(0.0, min(end, sent_s) - start) for start, end in spans)
    return audio_s, speech_s
