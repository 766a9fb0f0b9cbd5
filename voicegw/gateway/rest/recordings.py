"""`POST /v1/audio/transcriptions`: transcribes recordings, a limited number of them at the same time."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace

import structlog

from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.jobs import AUTO_LANGUAGE, Word, text_of
from voicegw.core.options import option
from voicegw.core.transcription import Final
from voicegw.errors import IdleTimeout, RateLimited, VoicegwError
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.limits.quota import Quota
from voicegw.gateway.limits.rate_limits import Limits
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.rest import transcript
from voicegw.gateway.rest.form import read_form
from voicegw.gateway.rest.http_exchange import HttpExchange
from voicegw.gateway.rest.responses import Response, error_content
from voicegw.gateway.rest.transcriber import Transcriber
from voicegw.gateway.rest.transcript import Transcript
from voicegw.gateway.rest.transcription_request import TranscriptionRequest
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_BUSY_MS = 5_000


@dataclass(frozen=True, slots=True)
class RestOptions:
    """OpenAI's REST API for speech."""

    enabled: bool = option(True, "serve /v1/audio/transcriptions, /v1/models and /v1/realtime/client_secrets")
    max_upload_mb: int = option(25, "longest request with a recording, in MB", ge=1, le=1_000)
    at_once: int = option(4, "recordings at the same time; more are refused with 429", ge=1, le=1_000)
    at_once_per_user: int = option(
        2, "the same of one user, or of one address without tokens", ge=1, le=1_000
    )
    head_timeout_ms: int = option(5_000, "time for the head of a request to arrive", ge=100)
    upload_timeout_ms: int = option(60_000, "time for the whole request to arrive", ge=1_000)


class Recordings:
    """Transcribes the recordings of a gateway."""

    def __init__(
        self, options: RestOptions, transcriber: Transcriber, limits: Limits, metrics: Metrics
    ) -> None:
        self._options = options
        self._transcriber = transcriber
        self._limits = limits
        self._metrics = metrics
        self._open = Counter[str]()
        metrics.recordings_open.set_function(self._open.total)

    @contextmanager
    def place(self, identity: Identity) -> Iterator[None]:
        """A place for one recording. Raises RateLimited when there is none."""
        owner = identity.user or identity.address
        if self._open.total() >= self._options.at_once:
            raise RateLimited("too many recordings at the same time", retry_after_ms=_BUSY_MS)
        if self._open[owner] >= self._options.at_once_per_user:
            raise RateLimited("too many recordings of this user at the same time", retry_after_ms=_BUSY_MS)
        self._open[owner] += 1
        try:
            yield
        finally:
            self._open -= Counter((owner,))

    async def limiter(self, identity: Identity) -> SessionLimiter:
        """Counts the audio of one recording. Raises RateLimited when its user has reached a limit."""
        quota = Quota(self._limits.session_rates)
        limiter = SessionLimiter(self._limits, identity.user, identity.address, 2 * SAMPLE_RATE, quota)
        await limiter.load_shared(time.monotonic())
        limiter.admit_audio(0, time.monotonic())
        return limiter

    async def read(self, exchange: HttpExchange, identity: Identity) -> TranscriptionRequest:
        """The request in the body. Raises InvalidParameter, RequestTooBig and IdleTimeout."""
        max_bytes = self._options.max_upload_mb * 1_000_000
        try:
            async with (
                asyncio.timeout(self._options.upload_timeout_ms / 1000),
                aclosing(exchange.body(max_bytes)) as body,
            ):
                form = await read_form(exchange.headers.get("Content-Type", ""), body, max_bytes)
        except TimeoutError:
            raise IdleTimeout("the request did not arrive in time") from None
        request = TranscriptionRequest.of(form)
        return replace(request, language=identity.fixed.language or request.language)

    async def transcribe(
        self, exchange: HttpExchange, request: TranscriptionRequest, limiter: SessionLimiter, name: str
    ) -> AsyncGenerator[bytes | Response, None]:
        """The response; or, of a streamed one, its events. Errors before the first event are raised."""
        words: list[Word] = []
        languages = Counter[str]()
        samples = 0
        begun = time.monotonic()
        try:
            async with aclosing(self._transcriber.transcribe(name, request, limiter)) as utterances:
                async for utterance in utterances:
                    if isinstance(utterance, int):
                        samples = utterance
                        continue
                    languages[utterance.language] += utterance.voiced_ms if utterance.words else 0
                    if request.stream and (text := _following(words, utterance)):
                        yield transcript.delta(text)
                    words += utterance.words
        finally:
            self._metrics.recording_seconds.inc(samples / SAMPLE_RATE)
        result = Transcript(text_of(words), tuple(words), samples, _most_common(languages))
        log.info(
            "transcribed",
            request=name,
            audio_s=round(samples / SAMPLE_RATE, 1),
            took_s=round(time.monotonic() - begun, 1),
        )
        if request.stream:
            yield transcript.done(result)
        else:
            content_type, body = transcript.encoded(result, request)
            yield Response(200, body, content_type)


def error_event(error: VoicegwError) -> bytes:
    """The event that ends a stream after an error."""
    return transcript.event({"type": "error", "error": error_content(error)})


def _following(words: list[Word], final: Final) -> str:
    """The text of an utterance, as it continues the text of `words`."""
    if not final.words:
        return ""
    text = text_of(final.words)
    return text if not words or final.words[0].joined else f" {text}"


def _most_common(languages: Counter[str]) -> str:
    known = [
        code for code, voiced_ms in languages.most_common() if code not in ("", AUTO_LANGUAGE) and voiced_ms
    ]
    return known[0] if known else ""
