"""`voicegw worker`: recognises speech for gateways, and calls tools for them."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from voicegw.assistant import make_tool_worker
from voicegw.cluster.jobs.recognition_worker import ConsumerOptions, RecognitionWorker
from voicegw.cluster.tools.tool_worker import ToolWorker
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
        await run_until(forced, _call_tools(settings, metrics, stopping, alone=True))
        return
    async with AsyncExitStack() as stack:
        if settings.tool_worker.take:
            calling = asyncio.create_task(_call_tools(settings, metrics, stopping), name="tool calls")
            calling.add_done_callback(lambda _: stopping.set())  # a worker without its tools does not go on
            stack.push_async_callback(run_until, forced, calling)
            stack.callback(stopping.set)  # whatever ends this worker
        pool = new_pool(settings, metrics)
        stack.push_async_callback(pool.close)
        worker = RecognitionWorker(settings.cluster, settings.consumer, pool, metrics)
        stack.push_async_callback(worker.close)
        await worker.start()
        await _serve_probes(settings.consumer, lambda: worker.unready, metrics, stack)
        await run_until(stopping, pool.start())
        if not stopping.is_set():
            announce(f"working as {worker.name}")
        working = asyncio.create_task(worker.run(), name="recognition worker")
        await run_until(stopping, asyncio.shield(working))
        worker.leave()
        await run_until(forced, working)


async def _call_tools(
    settings: WorkerSettings, metrics: Metrics, stopping: asyncio.Event, *, alone: bool = False
) -> None:
    """Makes the background calls that gateways submit over Redis, until `stopping` is set and the running
    ones are finished. alone: nothing else in this process serves probes. Raises StartupError."""
    worker: ToolWorker | None = None

    def unready() -> str:
        return worker.unready if worker else "the tools are not loaded yet"

    async with AsyncExitStack() as stack:
        if alone:
            await _serve_probes(settings.consumer, unready, metrics, stack)
        worker = await run_until(stopping, make_tool_worker(settings, metrics, stack))
        if worker is None:
            return
        if alone:
            announce("working on tool calls")
        working = asyncio.create_task(worker.run(), name="tool worker")
        try:
            await run_until(stopping, asyncio.shield(working))
            worker.leave()
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def _serve_probes(
    options: ConsumerOptions, unready: Callable[[], str], metrics: Metrics, stack: AsyncExitStack
) -> None:
    """Serves /healthz, /readyz and /metrics until `stack` closes, if a port is given."""
    if options.probe_port is not None:
        address = options.probe_host, options.probe_port
        url = await stack.enter_async_context(probes(*address, unready, metrics))
        log.info("probes", url=url)
