"""`voicegw worker`: recognises speech for gateways, and calls tools for them."""

import asyncio
from contextlib import AsyncExitStack

import structlog

from voicegw.assistant import run_tool_worker
from voicegw.cluster.jobs.recognition_worker import RecognitionWorker
from voicegw.commands.process import announce, on_signals, run_until
from voicegw.commands.recognition import new_pool
from voicegw.config import WorkerSettings
from voicegw.gateway.http.probes import probes
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


async def work(settings: WorkerSettings) -> None:
    """Takes jobs from Redis until SIGTERM or SIGINT, then finishes those taken. A second signal stops at
    once.

    Raises StartupError when it cannot start.
    """
    stopping, forced = on_signals()
    metrics = Metrics()
    if settings.tool_worker.only:
        announce("working on tool calls")
        await run_until(forced, run_tool_worker(settings, metrics, stopping))
        return
    async with AsyncExitStack() as stack:
        if settings.tool_worker.take:
            calling = asyncio.create_task(run_tool_worker(settings, metrics, stopping), name="tool worker")
            calling.add_done_callback(lambda _: stopping.set())  # a worker without its tools does not go on
            stack.push_async_callback(run_until, forced, calling)
            stack.callback(stopping.set)  # whatever ends this worker
        pool = new_pool(settings, metrics)
        stack.push_async_callback(pool.close)
        worker = RecognitionWorker(settings.cluster, settings.consumer, pool, metrics)
        stack.push_async_callback(worker.close)
        await worker.start()
        if settings.consumer.probe_port is not None:
            address = settings.consumer.probe_host, settings.consumer.probe_port
            url = await stack.enter_async_context(probes(*address, lambda: worker.unready, metrics))
            log.info("probes", url=url)
        await run_until(stopping, pool.start())
        if not stopping.is_set():
            announce(f"working as {worker.name}")
        working = asyncio.create_task(worker.run(), name="recognition worker")
        await run_until(stopping, asyncio.shield(working))
        worker.leave()
        await run_until(forced, working)
