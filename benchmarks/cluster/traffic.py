"""The bytes and the CPU time that Redis costs for each second of speech, with the audio of each job whole and
with what the workers have omitted.

Speakers talk without end: utterances of 2 to 6 s with a partial every 250 ms and one final. The windows have
the lengths that sessions give them: with up to 5 s of earlier audio. Gateways and workers are those of
`voicegw`, in this process, on a Redis Cluster of three primaries; instead of a model, a decode is a wait of
30 ms and an answer of three words for each second.
"""

import asyncio
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

from benchmarks.measures import percentile
from tests.observing import until
from tests.recognition import AlwaysReady
from tests.redis_cluster import RedisClusterServers
from voicegw.cluster.jobs.recognition_worker import ConsumerOptions, RecognitionWorker
from voicegw.cluster.jobs.remote import RemoteOptions, RemoteRecognizer
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.telemetry import Metrics

GATEWAYS, WORKERS = 2, 4
SPEAKERS = (8, 64, 256)
STEP_S = 0.25
CONTEXT_S = 5.0
DECODE_S = 0.03
WARM_UP_S = 3.0
_SECOND = 2 * SAMPLE_RATE
_NEVER = 3_600_000


class _Pool(AlwaysReady):
    """Decodes nothing, in the time of a fast model; any number at once."""

    capacity = warm = 256
    busy_s = 0.0

    async def decode(self, job: DecodeJob) -> DecodeResult:
        await asyncio.sleep(DECODE_S)
        count = 3 * len(job.pcm) // _SECOND
        words = tuple(Word("words", job.start + n, job.start + n + 1, 0.9) for n in range(count))
        return DecodeResult(job.session, job.number, words, decode_ms=1000 * DECODE_S)


class _Talk:
    """What the speakers have said, and how long answers took beyond the decode."""

    def __init__(self) -> None:
        self.spoken_s = 0.0
        self.overhead_ms: list[float] = []

    async def speak(self, name: str, recognizer: RemoteRecognizer, random: Random) -> None:
        """Talks until it is cancelled, in real time where the answers come in time."""
        audio = secrets.token_bytes(60 * _SECOND)
        number = position = 0
        await asyncio.sleep(random.uniform(0, STEP_S))
        while True:
            start_s = position % 40 + CONTEXT_S
            steps = random.randint(8, 24)
            for step in range(1, steps + 1):
                due = time.monotonic() + STEP_S
                number += 1
                kind = DecodeKind.FINAL if step == steps else DecodeKind.PARTIAL
                length_s = step * STEP_S
                context_s = CONTEXT_S if kind is DecodeKind.FINAL else max(0.0, CONTEXT_S - length_s)
                first, last = ((start_s - context_s) * _SECOND, (start_s + length_s) * _SECOND)
                pcm = audio[int(first) : int(last)]
                at = int((position - position % 40 + start_s - context_s) * SAMPLE_RATE)
                asked = time.monotonic()
                await recognizer.decode(DecodeJob(name, number, kind, at, pcm))
                self.overhead_ms.append(1000 * (time.monotonic() - asked - DECODE_S))
                self.spoken_s += STEP_S
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            position += round(steps * STEP_S) + 1


async def traffic_figures(seconds: float) -> dict[str, float]:
    """For each number of speakers, both ways."""
    figures = {}
    for speakers in SPEAKERS:
        for way, kept_mb in (("whole", 0), ("new", 256)):
            figures |= await _measure(speakers, kept_mb, seconds, f"traffic_{speakers}_{way}")
    return figures


async def _measure(speakers: int, kept_mb: int, seconds: float, name: str) -> dict[str, float]:
    with _servers() as servers:
        async with _recognizers(servers.url, kept_mb) as recognizers:
            talk, random = _Talk(), Random(speakers)
            talking = [
                asyncio.create_task(
                    talk.speak(f"speaker {number}", recognizers[number % GATEWAYS], Random(random.random()))
                )
                for number in range(speakers)
            ]
            await asyncio.sleep(WARM_UP_S)
            talk.spoken_s, talk.overhead_ms = 0.0, []
            before, cpu_s = await asyncio.to_thread(servers.traffic), time.process_time()
            redis_s = servers.cpu_s()
            await asyncio.sleep(seconds)
            after, spoken_s = await asyncio.to_thread(servers.traffic), talk.spoken_s
            cpu_ms, redis_ms = 1000 * (time.process_time() - cpu_s), 1000 * (servers.cpu_s() - redis_s)
            overhead_ms = list(talk.overhead_ms)
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
    kilobytes = [(new - old) / 1000 / spoken_s for new, old in zip(after, before, strict=True)]
    return {
        f"{name}_kb_per_s": sum(kilobytes),
        f"{name}_cpu_ms_per_s": cpu_ms / spoken_s,
        f"{name}_redis_cpu_ms_per_s": redis_ms / spoken_s,
        f"{name}_overhead_p50_ms": percentile(overhead_ms, 50),
        f"{name}_overhead_p95_ms": percentile(overhead_ms, 95),
    }


@contextmanager
def _servers() -> Iterator[RedisClusterServers]:
    with tempfile.TemporaryDirectory() as directory:
        servers = RedisClusterServers(Path(directory), replicas=False)
        try:
            servers.start()
            yield servers
        finally:
            servers.kill()


@asynccontextmanager
async def _recognizers(url: str, kept_mb: int) -> AsyncIterator[list[RemoteRecognizer]]:
    options = RedisOptions(url=url)
    async with AsyncExitStack() as stack:
        for _ in range(WORKERS):
            limits = ConsumerOptions(kept_audio_mb=kept_mb)
            worker = RecognitionWorker(options, limits, _Pool(), Metrics())
            stack.push_async_callback(worker.close)
            await worker.start()
            working = asyncio.create_task(worker.run())
            stack.push_async_callback(asyncio.wait, (working,))
            stack.callback(worker.leave)
        made = [
            RemoteRecognizer(options, RemoteOptions(shed_wait_ms=_NEVER), Metrics()) for _ in range(GATEWAYS)
        ]
        for each in made:
            stack.push_async_callback(each.close)
            await each.start()
        await until(lambda: all(each.ready for each in made))
        yield made


def meanings() -> dict[str, str]:
    """What each figure says."""
    ways = {"whole": "every job with its whole window", "new": "jobs without what their worker keeps"}
    found = {}
    for speakers in SPEAKERS:
        for way, how in ways.items():
            name = f"traffic_{speakers}_{way}"
            found |= {
                f"{name}_kb_per_s": f"{speakers} speakers, {how}: kB into and out of Redis a second of speech",
                f"{name}_cpu_ms_per_s": "there: CPU time of gateways and workers a second of speech",
                f"{name}_redis_cpu_ms_per_s": "there: CPU time of Redis a second of speech",
                f"{name}_overhead_p50_ms": "there: from request to answer, without the decode",
                f"{name}_overhead_p95_ms": "the same, at the 95th percentile",
            }
    return found
