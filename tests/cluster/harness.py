"""Gateways and workers of one Redis, in this process, with recognisers that do what a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

from redis.asyncio import Redis

from tests.observing import PATIENCE_S, until
from tests.recognition import AlwaysReady
from voicegw.cluster.jobs.consumer import JobConsumer
from voicegw.cluster.jobs.recognition_worker import ConsumerOptions, RecognitionWorker
from voicegw.cluster.jobs.remote import RemoteOptions, RemoteRecognizer
from voicegw.cluster.redis.connect import RedisOptions, close, connect
from voicegw.cluster.redis.keys import Keys, ShardKeys
from voicegw.cluster.redis.monitor import ConnectionMonitor
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult, Word
from voicegw.errors import RecognitionFailed
from voicegw.telemetry import Metrics

PARTIAL, FINAL = DecodeKind.PARTIAL, DecodeKind.FINAL


def job(
    number: int = 1, kind: DecodeKind = FINAL, session: str = "s", pcm: bytes = b"\1\0" * 800
) -> DecodeJob:
    return DecodeJob(session, number, kind, 0, pcm)


def redis_options(url: str, timeout_ms: int = 10_000) -> RedisOptions:
    """With timeouts that a machine under load keeps; shorter ones are for a Redis that is to be too slow."""
    return RedisOptions(url=url, timeout_ms=timeout_ms, connect_timeout_ms=timeout_ms)


def monitor() -> ConnectionMonitor:
    """One whose metrics nobody reads."""
    return ConnectionMonitor("redis://here", Metrics().cluster)


def only_shard() -> ShardKeys:
    """The keys of the jobs where there is one shard."""
    [keys] = Keys("voicegw").shards(1)
    return keys


@asynccontextmanager
async def redis_client(url: str, block_ms: int = 0, **options: object) -> AsyncIterator[Redis]:
    """A client with those RedisOptions."""
    made = connect(replace(redis_options(url), **options), block_ms=block_ms)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await close(made)


class Metered:
    """What a part counts."""

    metrics: Metrics

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"voicegw_{name}", labels)


class Gateway(RemoteRecognizer, Metered):
    def __init__(self, redis: RedisOptions, **options: int) -> None:
        self.metrics = Metrics()
        super().__init__(redis, RemoteOptions(**options), self.metrics)

    def ask(self, wanted: DecodeJob) -> "asyncio.Task[DecodeResult]":
        return asyncio.create_task(self.decode(wanted))


@asynccontextmanager
async def gateway(
    url: str, redis_timeout_ms: int = 10_000, shards: int | None = None, **options: int
) -> AsyncIterator[Gateway]:
    made = Gateway(replace(redis_options(url, redis_timeout_ms), shards=shards), **options)
    try:
        await made.start()
        yield made
    finally:
        await made.close()


class FakePool(AlwaysReady):
    """Answers with one word, the session's name, unless it is told to hold on (with the jobs of the session
    `held`, or with all) or to fail."""

    def __init__(self, capacity: int = 4) -> None:
        self.capacity = self.warm = capacity
        self.busy_s = 0.0
        self.decode_ms = 1.0
        self.held = ""
        self.asked: list[DecodeJob] = []
        self.fault: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def decode(self, wanted: DecodeJob) -> DecodeResult:
        self.asked.append(wanted)
        name = wanted.session.partition("@")[0]
        if self.held in ("", name):
            await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        words = (Word(name, 0, 800, 1.0),)
        return DecodeResult(wanted.session, wanted.number, words, decode_ms=self.decode_ms)


class Worker(RecognitionWorker, Metered):
    """A worker with that pool, and what it counts."""

    def __init__(self, url: str, pool: FakePool, **options: int) -> None:
        self.metrics = Metrics()
        self.pool = pool
        limits = ConsumerOptions(**options)  # type: ignore[arg-type]
        super().__init__(redis_options(url), limits, pool, self.metrics)


@asynccontextmanager
async def worker(url: str, pool: FakePool | None = None, **options: int) -> AsyncIterator[Worker]:
    """A worker that takes jobs; it leaves with the block. By default its lease outlasts every test."""
    made = Worker(url, pool or FakePool(), **{"lease_ms": 60_000, **options})
    async with AsyncExitStack() as stack:
        stack.push_async_callback(made.close)
        await made.start()
        running = asyncio.create_task(made.run())
        try:
            await until(lambda: made.ready or running.done())
            yield made
        finally:
            made.leave()
            made.pool.may_answer.set()
            await asyncio.wait_for(running, PATIENCE_S)


@asynccontextmanager
async def lost_worker(url: str) -> AsyncIterator[JobConsumer]:
    """One that takes jobs and does not do them, as one that was killed."""
    consumer = JobConsumer(redis_options(url), only_shard(), "lost", monitor())
    await consumer.reader.create_group()
    try:
        yield consumer
    finally:
        await consumer.close()


async def lose_a_cancel() -> None:
    """What redis-py does on Python 3.11 with one that comes between its sending and its reading."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)


def failed(reason: str) -> RecognitionFailed:
    return RecognitionFailed(reason)
