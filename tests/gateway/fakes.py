"""The ports of a gateway, played by the test: what is loud is speech; words and replies are scripted."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from limits.aio.storage import Storage

from tests.observing import PATIENCE_S
from tests.recognition import AlwaysReady
from voicegw.asr.recording_decoder import ProcessRecordingDecoder, RecordingOptions
from voicegw.asr.windowed import WindowedBackend
from voicegw.core.audio import SAMPLE_RATE, Pcm
from voicegw.core.events import Message, ReplyPiece
from voicegw.core.jobs import DecodeJob, DecodeResult, Word
from voicegw.core.responder import Confirmation, ReplyRequest
from voicegw.core.session import SessionOptions
from voicegw.core.session_store import NullStore, Store
from voicegw.dialects import native
from voicegw.dialects.port import Dialect
from voicegw.gateway.auth.access import Access, AccessOptions
from voicegw.gateway.auth.authenticator import Authenticator, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache, ReplayCache
from voicegw.gateway.http.limited_connection import HandshakeOptions
from voicegw.gateway.http.tls import TlsOptions
from voicegw.gateway.limits.admission import AdmissionOptions
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits
from voicegw.gateway.rest.recordings import RestOptions
from voicegw.gateway.server import Gateway, GatewayOptions
from voicegw.gateway.services import Services
from voicegw.gateway.session.connection import ConnectionOptions
from voicegw.gateway.session.write_ahead import ResumeOptions
from voicegw.telemetry import Metrics

LOUD = np.full(SAMPLE_RATE // 2, 8_000, dtype="<i2").tobytes()  # half a second
QUIET = bytes(len(LOUD))
SPOKEN = LOUD + 2 * QUIET  # an utterance and the silence that ends it
PATIENT_RECORDINGS = RecordingOptions(stall_ms=int(1000 * PATIENCE_S))


class LoudnessScorer:
    def score(self, window: Pcm) -> float:
        return float(np.abs(window).max() > 1_000)


@dataclass
class ScriptedRecognizer(AlwaysReady):
    """Hears `text` in every window once the gate is open, or fails."""

    text: str = "hello there"
    failures: list[Exception] = field(default_factory=list)
    jobs: list[DecodeJob] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def decode(self, job: DecodeJob) -> DecodeResult:
        self.jobs.append(job)
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        words = (Word(text, job.start, job.start + 160, 0.9) for text in self.text.split())
        return DecodeResult(job.session, job.number, tuple(words), 1.0, 2.0)


def windowed(recognizer: ScriptedRecognizer) -> WindowedBackend:
    """Transcription by this recogniser."""
    return WindowedBackend(recognizer, SessionOptions())


@dataclass
class ScriptedResponder:
    """Writes `pieces`, then fails with `failure` or ends; between pieces it waits for the gate."""

    name = "scripted"
    pieces: Sequence[ReplyPiece] = field(default_factory=lambda: ["Good", " day."])
    failure: Exception | None = None
    prompts: list[tuple[Message, ...]] = field(default_factory=list)
    requests: list[ReplyRequest] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece, None]:
        self.requests.append(request)
        self.prompts.append(request.messages)
        try:
            for piece in self.pieces:
                yield piece
                await self.gate.wait()
            if self.failure is not None:
                raise self.failure
        finally:
            self.stopped.set()

    async def prewarm(self, request: ReplyRequest) -> None:
        """There is nothing to warm."""

    async def close(self) -> None:
        """There is nothing to give back."""


@dataclass
class ScriptedVoice:
    """Says every sentence in `seconds` of noise, then fails with `failure` or ends; between two pieces it
    waits for the gate."""

    name = "scripted"
    seconds: float = 1.0
    failure: Exception | None = None
    sentences: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def speak(
        self, text: str, rate: int, language: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        self.sentences.append(text)
        self.voices.append(voice)
        self.speeds.append(speed)
        self.languages.append(language)
        try:
            for _ in range(2):
                yield b"\x11\x22" * round(self.seconds / 2 * rate)
                await self.gate.wait()
            if self.failure is not None:
                raise self.failure
        finally:
            self.stopped.set()

    async def close(self) -> None:
        """There is nothing to give back."""


@dataclass
class Stage:
    """A gateway listening on a free port, and the hands that move its ports."""

    gateway: Gateway
    recognizer: ScriptedRecognizer
    responder: ScriptedResponder
    warm: asyncio.Event

    @property
    def url(self) -> str:
        return self.gateway.address

    @property
    def port(self) -> int:
        return int(self.url.partition("//")[2].partition("/")[0].rpartition(":")[2])

    @property
    def root(self) -> str:
        """Where the plain HTTP pages are."""
        return self.url.replace("ws://", "http://").rpartition("/v1/")[0]

    def value(self, name: str, **labels: str) -> float | None:
        return self.gateway.metrics.registry.get_sample_value(f"voicegw_{name}", labels)


@dataclass(frozen=True)
class Gate:
    """Who gets in."""

    access: AccessOptions = field(default_factory=AccessOptions)
    tokens: TokenOptions = field(default_factory=TokenOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
    handshake: HandshakeOptions = field(default_factory=HandshakeOptions)
    tls: TlsOptions = field(default_factory=TlsOptions)
    replay_cache: ReplayCache = field(default_factory=LocalReplayCache)
    counters: Storage | None = None

    def opened(self, metrics: Metrics) -> Access:
        authenticator = Authenticator(self.tokens, self.replay_cache)
        return Access(self.access, authenticator, Limits(self.limits, metrics, self.counters))


@asynccontextmanager
async def staged(
    *,
    port: int = 0,
    max_sessions: int = 10,
    drain_timeout_ms: int = 5_000,
    path_prefix: str = "",
    web_page: bool = True,
    gate: Gate | None = None,
    resume: ResumeOptions | None = None,
    services: Services | None = None,
    voice: ScriptedVoice | None = None,
    store: Store | None = None,
    dialects: Sequence[Dialect] = (),
    session: SessionOptions | None = None,
    traced_text: bool = False,
    rest: RestOptions | None = None,
    recordings: RecordingOptions | None = None,
    **limits: int,
) -> AsyncIterator[Stage]:
    """A gateway for as long as the block lasts; `limits` are its ConnectionOptions. Other `services` take the
    place of the scripted ones; `dialects` are served beside the native one."""
    gate = gate or Gate()
    options = GatewayOptions(
        port=port,
        drain_timeout_ms=drain_timeout_ms,
        path_prefix=path_prefix,
        web_page=web_page,
        # the machine may be busy with something else; that is not tested here, nor is the rate of connections
        admission=AdmissionOptions(max_sessions, 60_000, accepts_per_s=10_000, accept_burst=10_000),
        connection=ConnectionOptions(**limits),
        handshake=gate.handshake,
        tls=gate.tls,
        resume=resume or ResumeOptions(),
        rest=rest or RestOptions(),
    )
    recognizer, responder, warm = ScriptedRecognizer(), ScriptedResponder(), asyncio.Event()
    warm.set()
    if services is None:
        transcription = windowed(recognizer)
        services = Services(
            *(transcription, responder, Metrics()),
            voice=voice,
            store=store or NullStore(),
            traced_text=traced_text,
            recordings=ProcessRecordingDecoder(recordings or PATIENT_RECORDINGS),
            models=("scripted",),
        )
    access = gate.opened(services.metrics)
    gateway = Gateway(
        options,
        session or SessionOptions(),
        services,
        dialects=[native.NativeDialect(), *dialects],
        new_scorer=LoudnessScorer,
        unready=lambda: "" if warm.is_set() else "nothing is warm",
        access=access,
    )
    await gateway.start()
    try:
        yield Stage(gateway, recognizer, responder, warm)
    finally:
        await gateway.stop()
