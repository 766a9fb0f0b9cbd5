"""The command line. Only this module and assistant.py name the concrete components of a server."""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from voicegw import __version__, config, token_command
from voicegw.asr.pool import WorkerPool
from voicegw.asr.recording_decoder import ProcessRecordingDecoder
from voicegw.asr.vad import make_scorer
from voicegw.asr.whisper_loader import WhisperSource
from voicegw.asr.windowed import WindowedBackend
from voicegw.assistant import assemble, run_tool_worker
from voicegw.cluster.jobs.recognition_worker import RecognitionWorker
from voicegw.cluster.jobs.remote import RemoteRecognizer
from voicegw.cluster.redis import connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.rates import rate_storage
from voicegw.cluster.sessions.replay_cache import SharedReplayCache
from voicegw.cluster.sessions.store import RedisStore
from voicegw.config import Settings, WorkerSettings
from voicegw.core.recognizer import Recognizer
from voicegw.core.session_store import NullStore, Store
from voicegw.core.transcription import RecognitionService
from voicegw.dialects import asterisk, bridge, native, openai_realtime, twilio, vosk
from voicegw.errors import StartupError
from voicegw.gateway.auth.access import Access
from voicegw.gateway.auth.authenticator import Authenticator
from voicegw.gateway.auth.replay_cache import LocalReplayCache, ReplayCache
from voicegw.gateway.http.probes import probes
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gateway.server import Gateway
from voicegw.gateway.services import Services
from voicegw.reply.voice.sentence_voice import VoiceEngine
from voicegw.telemetry import Metrics, configure_logging, drain_log
from voicegw.tracing import tracing

log = structlog.get_logger(__name__)

_FORGET_MS = 60_000  # added to the time for which Redis keeps a session


def main(arguments: Sequence[str] | None = None) -> int:
    """The `voicegw` command; returns the exit status."""
    _open_standard_streams()
    parser = _parser()
    chosen, rest = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    if chosen.command == "schema" and rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if chosen.command == "schema":
            _print(json.dumps(native.schema(), indent=2))
            return 0
        if chosen.command == "worker":
            _run_worker(config.load_worker(rest))
            return 0
        settings = config.load(rest, f"voicegw {chosen.command}")
        if chosen.command == "token":
            _print(token_command.run(chosen, settings))
            return 0
        configure_logging(settings.log.level, as_json=settings.log.as_json)
        for warning in config.without_effect(settings):
            log.warning("option without effect", reason=warning)
        with tracing(settings.traces, "voicegw"):
            asyncio.run(serve(settings))
    except StartupError as error:
        if drain_log():  # otherwise standard error blocks, and would block this process
            print(f"voicegw: {error.message}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voicegw",
        description="A real-time voice assistant server.",
        epilog="Exit status: 0 after a requested end; 1 for an error, told in one line; 2 for wrong usage.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"voicegw {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "serve", help="serve voice sessions; `voicegw serve --help` lists the flags", add_help=False
    )
    commands.add_parser(
        "worker",
        help="recognise speech for gateways; `voicegw worker --help` lists the flags",
        add_help=False,
    )
    commands.add_parser("schema", help="print the JSON Schema of every message, for client authors")
    token_command.add_to(commands)
    return parser


async def serve(settings: Settings) -> None:
    """Runs the server until SIGTERM or SIGINT: load, warm, listen, drain, stop. A second signal stops at
    once.

    Raises StartupError when it cannot start.
    """
    stopping, forced = _on_signals()
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        assistant = await assemble(settings, metrics, stack)
        transcription = WindowedBackend(_recognizer(settings, metrics), settings.session)
        stack.push_async_callback(transcription.close)
        gateway = Gateway(
            settings.gateway,
            settings.session,
            Services(
                transcription,
                assistant.responder,
                metrics,
                check_model=assistant.check_model,
                voice=assistant.voice,
                background_calls=assistant.background_calls,
                moderator=assistant.moderator,
                declared=assistant.declared,
                store=_store(settings, stack),
                traced_text=settings.traces.text,
                recordings=ProcessRecordingDecoder(settings.recordings),
                models=_model_names(settings),
            ),
            dialects=[
                native.NativeDialect(),
                twilio.TwilioDialect(settings.twilio),
                bridge.BridgeDialect(settings.vonage),
                asterisk.AsteriskDialect(),
                vosk.VoskDialect(),
                openai_realtime.RealtimeDialect(
                    speaks=assistant.voice is not None,
                    passes_voices=settings.voice.engine is VoiceEngine.OPENAI,
                ),
            ],
            new_scorer=lambda: make_scorer(settings.vad),
            unready=transcription.unready,
            overloaded=transcription.overloaded,
            access=_access(settings, metrics, stack),
        )
        stack.push_async_callback(gateway.stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, gateway.reload)
        await _start(gateway, transcription, stopping)
        await stopping.wait()
        await _run_until(forced, gateway.drain())


def _run_worker(settings: WorkerSettings) -> None:
    configure_logging(settings.log.level, as_json=settings.log.as_json)
    with tracing(settings.traces, "voicegw-worker"):
        asyncio.run(work(settings))


async def work(settings: WorkerSettings) -> None:
    """Takes jobs from Redis until SIGTERM or SIGINT, then finishes those taken. A second signal stops at
    once.

    Raises StartupError when it cannot start.
    """
    stopping, forced = _on_signals()
    metrics = Metrics()
    if settings.tool_worker.only:
        _announce("working on tool calls")
        await _run_until(forced, run_tool_worker(settings, metrics, stopping))
        return
    async with AsyncExitStack() as stack:
        if settings.tool_worker.take:
            calling = asyncio.create_task(run_tool_worker(settings, metrics, stopping), name="tool worker")
            stack.push_async_callback(_run_until, forced, calling)
            stack.callback(stopping.set)  # whatever ends this worker
        pool = _pool(settings, metrics)
        stack.push_async_callback(pool.close)
        worker = RecognitionWorker(settings.cluster, settings.consumer, pool, metrics)
        stack.push_async_callback(worker.close)
        await worker.start()
        if settings.consumer.probe_port is not None:
            address = settings.consumer.probe_host, settings.consumer.probe_port
            url = await stack.enter_async_context(probes(*address, lambda: worker.unready, metrics))
            log.info("probes", url=url)
        await _run_until(stopping, pool.start())
        if not stopping.is_set():
            _announce(f"working as {worker.name}")
        working = asyncio.create_task(worker.run(), name="recognition worker")
        await _run_until(stopping, asyncio.shield(working))
        worker.leave()
        await _run_until(forced, working)


def _recognizer(settings: Settings, metrics: Metrics) -> Recognizer:
    """Local recognition processes, or with Redis, the workers of all machines."""
    if settings.cluster.url is not None:
        return RemoteRecognizer(settings.cluster, settings.remote, metrics)
    return _pool(settings, metrics)


def _pool(settings: Settings | WorkerSettings, metrics: Metrics) -> WorkerPool:
    """Local recognition processes."""
    return WorkerPool(WhisperSource(settings.asr), settings.pool, metrics)


def _store(settings: Settings, stack: AsyncExitStack) -> Store:
    """Redis, if configured, so that another gateway can take sessions over."""
    if settings.cluster.url is None:
        return NullStore()
    client = connect.connect(settings.cluster)
    stack.push_async_callback(connect.close, client)
    live_ms = settings.gateway.resume.window_ms + _FORGET_MS
    store = RedisStore(client, Keys(settings.cluster.prefix), live_ms)
    stack.push_async_callback(store.close)
    return store


def _model_names(settings: Settings) -> tuple[str, ...]:
    """The names of the models, without the directories of those that are files."""
    names = (Path(settings.asr.model).name, settings.llm.model)
    return tuple(dict.fromkeys(filter(None, names)))


async def _start(gateway: Gateway, recognition: RecognitionService, stopping: asyncio.Event) -> None:
    """Listens first, so that the probes answer while the model is downloaded and loaded, then warms the
    workers."""
    try:
        await gateway.start()
    except OSError as error:
        raise StartupError(f"cannot listen: {error.strerror or error}") from error
    await _run_until(stopping, recognition.start())
    freeze_gc()
    if not stopping.is_set():
        _announce(f"listening on {gateway.address}")


def _open_standard_streams() -> None:
    """Opens closed standard streams; otherwise the next opened file or socket would get their descriptor."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor, which is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w")  # None if it was closed at the start of Python
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _print(text: str) -> None:
    """Writes to standard output. Raises StartupError when that fails."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise Python fails again at exit
        raise StartupError(f"cannot write to standard output: {error.strerror}") from error


def _announce(ready: str) -> None:
    """Prints that the process is ready; logs a warning when standard output is closed."""
    try:
        _print(ready)
    except StartupError as error:
        log.warning("cannot print that the process is ready", line=ready, reason=error.message)


def freeze_gc() -> None:
    """Excludes all current objects from garbage collection. Nearly all of them belong to modules, and a
    collection over them would delay all sessions by tens of milliseconds."""
    gc.collect()
    gc.freeze()


async def _run_until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Awaits `work`; cancels it when `stop` is set first."""
    stopped, working = asyncio.create_task(stop.wait()), asyncio.ensure_future(work)
    try:
        await asyncio.wait((stopped, working), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        stopped.cancel()
        working.cancel()
        await asyncio.gather(stopped, working, return_exceptions=True)


def _access(settings: Settings, metrics: Metrics, stack: AsyncExitStack) -> Access:
    """Access control; with Redis, gateways share used tokens and limit counters there."""
    replay_cache: ReplayCache = LocalReplayCache()
    storage = None
    if settings.cluster.url is not None:
        client, names = connect.connect(settings.cluster), Keys(settings.cluster.prefix)
        stack.push_async_callback(connect.close, client)
        replay_cache, storage = SharedReplayCache(client, names), rate_storage(client, names)
    authenticator = Authenticator(settings.tokens, replay_cache)
    return Access(settings.access, authenticator, Limits(settings.limits, metrics, storage))


def _on_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Events that the first and the second SIGTERM or SIGINT set."""
    stopping, forced = asyncio.Event(), asyncio.Event()

    def receive() -> None:
        (forced if stopping.is_set() else stopping).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, receive)
    return stopping, forced


if __name__ == "__main__":
    sys.exit(main())
