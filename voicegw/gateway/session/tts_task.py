"""The speech synthesis of one session: one sentence at a time; its audio goes to the client."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, assert_never

import structlog

from voicegw.core.actions import PauseSpeaking, Play, Speak, StopSpeaking
from voicegw.core.speech_output import Voice
from voicegw.dialects.port import ReplyAudio
from voicegw.errors import InternalError, ReplyError, UnsupportedReply, VoicegwError
from voicegw.gateway.session.driver import Driver
from voicegw.gateway.session.outbox import Outbox
from voicegw.telemetry import Metrics
from voicegw.tracing import fail, span

log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


def check_voice(voice: Voice | None) -> None:
    """Raises UnsupportedReply when the server has no voice."""
    if voice is None:
        raise UnsupportedReply("this server has no voice: install espeak-ng, or see --voice-engine")


class TTSTask:
    """spawn: starts a task that ends with the session."""

    def __init__(
        self, driver: Driver, voice: Voice | None, metrics: Metrics, outbox: Outbox, spawn: Spawn
    ) -> None:
        self._driver = driver
        self._session = driver.session
        self._voice = voice
        self._metrics = metrics
        self._outbox = outbox
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None

    def perform(self, action: Speak | Play | PauseSpeaking | StopSpeaking) -> None:
        """Starts the synthesis of a sentence, sends audio, makes the client drop it, or stops both and the
        process or connection of the voice."""
        match action:
            case Speak():
                self._task = self._spawn(self._run(action), "speech")
            case Play(turn, audio, audio_ms, end_ms):
                stale_ms = self._outbox.play(ReplyAudio(turn, audio, audio_ms, end_ms))
                self._count_dropped(stale_ms)
                self._session.speech.count_lost(stale_ms)
            case PauseSpeaking():
                self._outbox.stop_audio()
            case StopSpeaking(dropped_ms):
                if self._task is not None:
                    self._task.cancel()
                self._count_dropped(dropped_ms + self._outbox.stop_audio())
            case _:
                assert_never(action)

    def _count_dropped(self, audio_ms: float) -> None:
        self._metrics.reply_audio_dropped.inc(audio_ms / 1000)

    async def _run(self, request: Speak) -> None:
        with span("synthesize speech", {"voicegw.speech.characters": len(request.text)}) as speech:
            error = await self._synthesize(request)
            if error is not None:
                fail(speech, error.code)
        ended = self._session.replies.receive_audio_end
        self._driver.receive(ended, request.turn, request.number, error, time.monotonic())

    async def _synthesize(self, request: Speak) -> VoicegwError | None:
        """Passes the audio of a sentence to the session; returns the error that ended it early."""
        assert self._voice is not None, "a session speaks only where there is a voice"
        begin, first, made = time.monotonic(), 0.0, 0
        try:
            async with aclosing(
                self._voice.speak(
                    request.text, request.rate, self._session.language, request.voice, request.speed
                )
            ) as pieces:
                async for pcm in pieces:
                    now = time.monotonic()
                    first, made = first or now, made + len(pcm)
                    receive = self._session.speech.receive_audio
                    self._driver.receive(receive, request.turn, request.number, pcm, now)
        except ReplyError as failure:
            return failure
        except Exception:  # a failed voice ends its reply, not the session
            log.exception("voice failed", session=self._session.name)
            return InternalError("the voice failed")
        if made:
            audio_s = made / 2 / request.rate
            self._metrics.observe_synthesis(first - begin, (time.monotonic() - begin) / audio_s)
        return None
