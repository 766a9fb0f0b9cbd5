"""`voicegw serve`: a gateway, with recognition processes unless workers elsewhere recognise speech."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from voicegw.asr.recording_decoder import ProcessRecordingDecoder
from voicegw.asr.vad import make_scorer
from voicegw.asr.windowed import WindowedBackend
from voicegw.assistant import Assistant, assemble
from voicegw.cluster.redis import connect
from voicegw.cluster.redis.keys import Keys
from voicegw.cluster.sessions.rates import rate_storage
from voicegw.cluster.sessions.replay_cache import SharedReplayCache
from voicegw.cluster.sessions.store import RedisStore
from voicegw.commands.process import announce, freeze_gc, on_signals, run_until
from voicegw.commands.recognition import new_recognizer
from voicegw.config import Settings
from voicegw.core.session_store import NullStore, Store
from voicegw.core.speech_output import Voice
from voicegw.core.transcription import RecognitionService
from voicegw.dialects import asterisk, bridge, native, openai_realtime, twilio, vosk
from voicegw.dialects.port import Dialect
from voicegw.errors import StartupError
from voicegw.gateway.auth.access import Access
from voicegw.gateway.auth.authenticator import Authenticator
from voicegw.gateway.auth.replay_cache import LocalReplayCache, ReplayCache
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gateway.server import Gateway
from voicegw.gateway.services import Services
from voicegw.reply.voice.sentence_voice import VoiceEngine
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_FORGET_MS = 60_000  # added to the time for which Redis keeps a session


async def serve(settings: Settings) -> None:
    """Runs the server until SIGTERM or SIGINT: load, warm, listen, drain, stop. A second signal stops at
    once.

    Raises StartupError when it cannot start.
    """
    stopping, forced = on_signals()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # there is nothing to reload yet
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        assistant = await run_until(stopping, assemble(settings, metrics, stack))
        if assistant is None:
            await run_until(forced, stack.aclose())  # a program of tools may take seconds to end
            return
        transcription = WindowedBackend(new_recognizer(settings, metrics), settings.session)
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
            dialects=_dialects(settings, assistant.voice),
            new_scorer=lambda: make_scorer(settings.vad),
            unready=transcription.unready,
            overloaded=transcription.overloaded,
            access=_access(settings, metrics, stack),
        )
        stack.push_async_callback(gateway.stop)
        loop.add_signal_handler(signal.SIGHUP, gateway.reload)
        log.info("starting", **summary(settings, assistant))
        await _start(gateway, transcription, stopping)
        await stopping.wait()
        await run_until(forced, gateway.drain())


def summary(settings: Settings, assistant: Assistant) -> dict[str, str]:
    """What runs where, for the log."""
    redis = settings.cluster.url and str(connect.parse(settings.cluster.url))
    speech_model = f"{settings.asr.model} on {settings.asr.device}"
    return {
        "speech_model": f"of the workers over {redis}" if redis else speech_model,
        "speech_detector": settings.vad.engine,
        "replies": assistant.responder.name,
        "voice": assistant.voice.name if assistant.voice else "none",
        "sessions": f"saved in {redis}" if redis else "in this process",
        "tls": "on" if settings.gateway.tls.enabled else "off",
    }


def _dialects(settings: Settings, voice: Voice | None) -> list[Dialect]:
    """All wire dialects. voice: None where replies cannot be spoken."""
    return [
        native.NativeDialect(),
        twilio.TwilioDialect(settings.twilio),
        bridge.BridgeDialect(settings.vonage),
        asterisk.AsteriskDialect(),
        vosk.VoskDialect(),
        openai_realtime.RealtimeDialect(
            speaks=voice is not None, passes_voices=settings.voice.engine is VoiceEngine.OPENAI
        ),
    ]


def _store(settings: Settings, stack: AsyncExitStack) -> Store:
    """Redis, if configured, so that another gateway can take sessions over."""
    if settings.cluster.url is None:
        return NullStore()
    clients = connect.connect_to_all(settings.cluster)
    stack.push_async_callback(clients.close)
    live_ms = settings.gateway.resume.window_ms + _FORGET_MS
    store = RedisStore(clients, Keys(settings.cluster.prefix), live_ms)
    stack.push_async_callback(store.close)
    return store


def _model_names(settings: Settings) -> tuple[str, ...]:
    """The names of the models, without the directories of those that are files."""
    names = (Path(settings.asr.model).name, settings.llm.model)
    return tuple(dict.fromkeys(filter(None, names)))


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


async def _start(gateway: Gateway, recognition: RecognitionService, stopping: asyncio.Event) -> None:
    """Listens first, so that the probes answer while the model is downloaded and loaded, then warms the
    workers."""
    try:
        await gateway.start()
    except OSError as error:
        raise StartupError(f"cannot listen: {error.strerror or error}") from error
    freeze_gc()  # before it is ready, because sessions would wait for this
    await run_until(stopping, recognition.start())
    if not stopping.is_set():
        announce(f"listening on {gateway.address}")
