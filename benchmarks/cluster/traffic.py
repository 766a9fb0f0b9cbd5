"""The bytes and the CPU time that Redis costs for each second of speech, with the audio of each job whole and
with what the workers have omitted.

Speakers talk without end, with the audio of recordings: utterances of 2 to 6 s with a partial every 250 ms
and one final. The windows have the lengths that sessions give them: with up to 5 s of earlier audio.
Gateways and workers are those of `voicegw`, in this process, on a Redis Cluster of three primaries; instead
of a model, a decode is a wait of 30 ms and an answer of three words for each second.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
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
from voicegw.core.audio import SAMPLE_BYTES, SAMPLE_RATE
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.telemetry import Metrics

GATEWAYS, WORKERS = 2, 4
SPEAKERS = (8, 64, 256)
STEP_S = 0.25
CONTEXT_S = 5.0
PAUSE_S = 0.5  # between utterances, beyond the silence that ends one
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
    """What the speakers have said, and how long answers took beyond the decode. speech: s16le at 16 kHz,
    which repeats."""

    def __init__(self, speech: bytes) -> None:
        self._speech = speech
        self.spoken_s = 0.0
        self.overhead_ms: list[float] = []

    async def speak(self, name: str, recognizer: RemoteRecognizer, random: Random) -> None:
        """Talks until it is cancelled, in real time where the answers come in time."""
        begin = random.randrange(len(self._speech) // 2)
        number, position = 0, CONTEXT_S
        await asyncio.sleep(random.uniform(0, STEP_S))
        while True:
            steps = random.randint(8, 24)
            for step in range(1, steps + 1):
                due = time.monotonic() + STEP_S
                number += 1
                kind = DecodeKind.FINAL if step == steps else DecodeKind.PARTIAL
                length_s = step * STEP_S
                context_s = CONTEXT_S if kind is DecodeKind.FINAL else max(0.0, CONTEXT_S - length_s)
                start = int((position - context_s) * SAMPLE_RATE)
                pcm = self._cut(begin + start, int((context_s + length_s) * SAMPLE_RATE))
                asked = time.monotonic()
                await recognizer.decode(DecodeJob(name, number, kind, start, pcm))
                self.overhead_ms.append(1000 * (time.monotonic() - asked - DECODE_S))
                self.spoken_s += STEP_S
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            position += steps * STEP_S + PAUSE_S

    def _cut(self, start: int, count: int) -> bytes:
        first, size = SAMPLE_BYTES * start % len(self._speech), SAMPLE_BYTES * count
        pcm = self._speech[first : first + size]
        return pcm + self._speech[: size - len(pcm)]


async def traffic_figures(
    seconds: float, speech: bytes, numbers: Sequence[int] = SPEAKERS
) -> dict[str, float]:
    """For each number of speakers, both ways. speech: as in _Talk."""
    figures: dict[str, float] = {}
    for speakers in numbers:
        for way, kept_mb in (("whole", 0), ("new", 256)):
            figures |= await _measure(_Talk(speech), speakers, kept_mb, seconds, f"traffic_{speakers}_{way}")
    return figures


async def _measure(talk: _Talk, speakers: int, kept_mb: int, seconds: float, name: str) -> dict[str, float]:
    with _servers() as servers:
        async with _recognizers(servers.url, kept_mb) as (recognizers, metrics):
            random = Random(speakers)
            talking = [
                asyncio.create_task(
                    talk.speak(f"speaker {number}", recognizers[number % GATEWAYS], Random(random.random()))
                )
                for number in range(speakers)
            ]
            await asyncio.sleep(WARM_UP_S)
            first = len(talk.overhead_ms)
            before = await asyncio.to_thread(_use, servers, metrics, talk)
            await asyncio.sleep(seconds)
            after = await asyncio.to_thread(_use, servers, metrics, talk)
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
    used = {what: value - before[what] for what, value in after.items()}
    spoken_s = used.pop("spoken_s") or float("nan")  # on a busy machine, nothing may have been said
    return {
        **{f"{name}_{what}_per_s": value / spoken_s for what, value in used.items()},
        f"{name}_overhead_p50_ms": percentile(talk.overhead_ms[first:], 50),
        f"{name}_overhead_p95_ms": percentile(talk.overhead_ms[first:], 95),
    }


def _use(servers: RedisClusterServers, metrics: Sequence[Metrics], talk: _Talk) -> dict[str, float]:
    """What has been used so far, and how much was said."""
    samples = [each.registry.get_sample_value for each in metrics]
    audio = sum(get("voicegw_cluster_job_audio_bytes_total", {"way": "sent"}) or 0.0 for get in samples)
    redis = servers.usage()
    return {
        "spoken_s": talk.spoken_s,
        "audio_kb": audio / 1000,
        "kb": (redis.in_bytes + redis.out_bytes) / 1000,
        "cpu_ms": 1000 * time.process_time(),
        "redis_cpu_ms": 1000 * redis.cpu_s,
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
async def _recognizers(url: str, kept_mb: int) -> AsyncIterator[tuple[list[RemoteRecognizer], list[Metrics]]]:
    """Those of the gateways, and their metrics, while the workers work."""
    options, metrics = RedisOptions(url=url), [Metrics() for _ in range(GATEWAYS)]
    async with AsyncExitStack() as stack:
        for _ in range(WORKERS):
            keeps = ConsumerOptions(kept_audio_mb=kept_mb)
            worker = RecognitionWorker(options, keeps, _Pool(), Metrics())
            stack.push_async_callback(worker.close)
            await worker.start()
            working = asyncio.create_task(worker.run())
            stack.push_async_callback(asyncio.wait, (working,))
            stack.callback(worker.leave)
        made = [RemoteRecognizer(options, RemoteOptions(shed_wait_ms=_NEVER), each) for each in metrics]
        for each in made:
            stack.push_async_callback(each.close)
            await each.start()
        await until(lambda: all(each.ready for each in made))
        yield made, metrics


def meanings() -> dict[str, str]:
    """What each figure says."""
    ways = {"whole": "every job with its whole window", "new": "jobs without what their worker keeps"}
    found: dict[str, str] = {}
    for speakers in SPEAKERS:
        for way, how in ways.items():
            name = f"traffic_{speakers}_{way}"
            found |= {
                f"{name}_kb_per_s": f"{speakers} speakers, {how}: kB through Redis a second of speech",
                f"{name}_audio_kb_per_s": "there: audio in jobs, on its way into Redis",
                f"{name}_cpu_ms_per_s": "there: CPU time of gateways and workers a second of speech",
                f"{name}_redis_cpu_ms_per_s": "there: CPU time of Redis a second of speech",
                f"{name}_overhead_p50_ms": "there: from request to answer, without the decode",
                f"{name}_overhead_p95_ms": "the same, at the 95th percentile",
            }
    return found
