"""A whole server, real workers and all, in a thread with an event loop of its own: tests of different
loops share it, and can look from outside at what a session leaves behind in it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager

from tests import llm_server
from tests.llm_server import LLMServer
from tests.observing import START_S
from voicegw.asr.pool import PoolOptions, WorkerPool
from voicegw.asr.vad import VadOptions, make_scorer
from voicegw.asr.weights import BUNDLED
from voicegw.asr.whisper_loader import WhisperSource
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.asr.windowed import WindowedBackend
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.session import SessionOptions
from voicegw.dialects import native, openai_realtime, vosk
from voicegw.gateway.limits.admission import AdmissionOptions
from voicegw.gateway.server import Gateway, GatewayOptions
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.reply.llm.llm_responder import LLMOptions, LLMResponder
from voicegw.reply.tools.local_background_calls import LocalBackgroundCalls
from voicegw.reply.tools.tool_declarations import ToolOptions
from voicegw.reply.tools.tool_responder import ToolResponder
from voicegw.reply.tools.toolbox import Toolbox
from voicegw.reply.voice.espeak import EspeakEngine, installed
from voicegw.reply.voice.sentence_voice import SentenceVoice, VoiceOptions
from voicegw.telemetry import Metrics


class LiveServer:
    """`llm` is the endpoint that answers; its knobs may be turned while the server runs."""

    def __init__(
        self,
        limits: ConnectionOptions,
        endpoint: EndpointOptions,
        llm: LLMServer,
        llm_options: dict[str, int],
        resume_ms: int,
    ) -> None:
        self.llm = llm
        self.url = ""
        self._limits = limits
        self._endpoint = endpoint
        self._resume_ms = resume_ms
        self._llm_options = llm_options
        self._metrics = Metrics()
        self._up: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="live server")

    def start(self) -> None:
        self._thread.start()
        self._up.result(START_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(START_S)
        assert not self._thread.is_alive()

    def value(self, name: str, **labels: str) -> float | None:
        return self._metrics.registry.get_sample_value(f"voicegw_{name}", labels)

    def tasks(self) -> Counter[str]:
        """The tasks of the server's loop by what they do, those of the endpoint left out."""

        async def count() -> Counter[str]:
            return Counter(filter(None, map(_doing, asyncio.all_tasks())))

        return asyncio.run_coroutine_threadsafe(count(), self._loop).result(START_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._up.done():
                raise
            self._up.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.llm)
            options = LLMOptions(url=self.llm.url, model="test", **self._llm_options)  # type: ignore[arg-type]
            responder = LLMResponder(options)
            stack.push_async_callback(responder.close)
            tools = Toolbox(ToolOptions(), self._metrics)
            calls = LocalBackgroundCalls(tools.run, ToolOptions(), self._metrics)
            answering = ToolResponder(responder, tools, calls, ToolOptions())
            source = WhisperSource(WhisperOptions(model=BUNDLED))
            pool = WorkerPool(
                source, PoolOptions(workers=1, start_timeout_ms=int(1000 * START_S)), self._metrics, cores=2
            )
            stack.push_async_callback(pool.close)
            gateway = Gateway(
                GatewayOptions(
                    port=0,
                    # the machine may be busy with something else; that is not what is tested
                    admission=AdmissionOptions(max_loop_lag_ms=60_000),
                    connection=self._limits,
                    resume=ResumeOptions(window_ms=self._resume_ms),
                ),
                SessionOptions(endpoint=self._endpoint, reply=ReplyOptions(prewarm=False, speculate=False)),
                Services(WindowedBackend(pool, SessionOptions()), answering, self._metrics, voice=_voice()),
                dialects=[
                    native.NativeDialect(),
                    vosk.VoskDialect(),
                    openai_realtime.RealtimeDialect(speaks=installed()),
                ],
                new_scorer=lambda: make_scorer(VadOptions()),
                unready=pool.unready,
            )
            stack.push_async_callback(gateway.stop)
            await gateway.start()
            await pool.start()
            self.url = gateway.address
            self._up.set_result(None)
            await self._stopping.wait()


def _voice() -> SentenceVoice | None:
    """espeak-ng, where it is installed."""
    options = VoiceOptions()
    return SentenceVoice(EspeakEngine(options), options) if installed() else None


def _doing(task: "asyncio.Task[object]") -> str:
    """The name of what a task runs; empty for the endpoint's."""
    coroutine = task.get_coro()
    code = getattr(coroutine, "cr_code", None)
    if code is not None and code.co_filename == llm_server.__file__:
        return ""
    return getattr(coroutine, "__qualname__", type(coroutine).__name__)


@contextmanager
def live_server(
    limits: ConnectionOptions | None = None,
    endpoint: EndpointOptions | None = None,
    llm: LLMServer | None = None,
    *,
    resume_ms: int = 0,
    **llm_options: int,
) -> Iterator[LiveServer]:
    """A server for as long as the block lasts; `llm_options` are the timeouts of its LLMOptions."""
    server = LiveServer(
        limits or ConnectionOptions(),
        endpoint or EndpointOptions(),
        llm or LLMServer(),
        llm_options,
        resume_ms,
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()
