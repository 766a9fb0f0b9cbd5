"""The metrics with their names, buckets and labels, and the log record of turns. None of them contains what
users say."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
import structlog
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from voicegw.cluster_metrics import ClusterMetrics
from voicegw.core.audio import to_ms
from voicegw.core.jobs import DecodeJob
from voicegw.core.latency import TurnLatency
from voicegw.gpu_metrics import GpuCollector
from voicegw.instruments import Instruments
from voicegw.log_configuration import dropped_lines
from voicegw.traffic_metrics import TrafficMetrics

log = structlog.get_logger(__name__)
# else each counter and histogram has an additional series with its creation time
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_STEPS = (
    *("endpoint", "queue", "decode", "final", "asked"),
    *("model", "first_token", "first_audio", "done"),
)
_LATENCY_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
_DECODE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WINDOW_BUCKETS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)
_REAL_TIME_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.75, 1.0, 1.5, 2.0)


class _LogCollector(Collector):
    """The metric of dropped log lines."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The current value."""
        documentation = "Log lines dropped because standard error blocked"
        yield CounterMetricFamily("voicegw_log_lines_dropped", documentation, value=dropped_lines())


class Metrics:
    """The metrics of one server, in a separate registry, with memory, descriptors and log of its process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_LogCollector())
        self.registry.register(GpuCollector())
        make = Instruments(self.registry, "voicegw_")
        self.traffic = TrafficMetrics(make)
        self._count_sessions(make)
        self._count_recognition(make)
        self._count_replies(make)
        self._count_model(make)
        self._count_speech_and_tools(make)

    def _count_sessions(self, make: Instruments) -> None:
        self.tasks = make.gauge("tasks", "Tasks in the event loop")
        self.sessions = make.gauge("sessions", "Sessions, detached ones included")
        self.sessions_detached = make.gauge("sessions_detached", "Sessions that wait for their client")
        self.resumes = make.counter(
            "resumes_total", "Attempts to resume a session, by outcome: resumed or lost", "outcome"
        )
        for outcome in ("resumed", "lost"):  # from 0, or rate() would miss the first ones, as in a storm
            self.resumes.labels(outcome)
        self.session_ends = make.counter("session_ends", "Ended sessions, by error code or `done`", "reason")
        self.refused = make.counter("refused", "Refused upgrades and requests by REST, by error code", "code")
        self.handshakes_dropped = make.counter(
            "handshakes_dropped", "Connections closed because of too many unfinished handshakes"
        )
        self.limits_unshared = make.counter(
            "limits_unshared",
            "Failures of Redis after which this gateway counted limits locally",
        )
        self.faults = make.counter("faults", "Errors sent to clients, by code", "code")
        self.outbox_coalesced = make.counter(
            "outbox_coalesced", "Events replaced by newer ones before sending, by kind", "kind"
        )
        self.rest_requests = make.counter("rest_requests", "Requests by REST", "path", "status")
        self.recordings_open = make.gauge("recordings_open", "Recordings that are being transcribed")
        self.recording_seconds = make.counter("recording_seconds", "Audio of transcribed recordings")
        self.loop_lag = make.gauge("loop_lag_seconds", "Mean delay of the event loop over a second")

    def _count_recognition(self, make: Instruments) -> None:
        self.decode_queue = make.gauge("decode_queue", "Waiting decode jobs")
        self.decode_oldest = make.gauge(
            "decode_queue_oldest_seconds",
            "Waiting time of the decode job that is next, except for recordings",
        )
        self.decode_window = make.histogram(
            "decode_window_seconds", "Audio in a decode job", _WINDOW_BUCKETS, "kind"
        )
        self.decode_batch = make.histogram("decode_batch_jobs", "Jobs decoded together", _BATCH_BUCKETS)
        self.decode_real_time_factor = make.histogram(
            "decode_real_time_factor",
            "Decode time divided by the duration of the audio",
            _REAL_TIME_BUCKETS,
            "kind",
        )
        self.decode_seconds = make.histogram(
            "decode_seconds", "Decode time in a worker", _DECODE_BUCKETS, "kind"
        )
        self.retry_seconds = make.histogram(
            "decode_retry_seconds", "Time of repeated decodes of doubtful results", _DECODE_BUCKETS, "kind"
        )
        self.partial_wait = make.gauge(
            "partial_wait_seconds", "Mean time of partials in the queue over a second"
        )
        self.partials_shed = make.counter("partials_shed", "Partials not decoded because of overload")
        self.decode_failures = make.counter("decode_failures", "Failed decode jobs")
        self.workers_ready = make.gauge("workers_ready", "Ready recognition workers")
        self.worker_restarts = make.counter("worker_restarts", "Replaced recognition workers")

    def _count_replies(self, make: Instruments) -> None:
        self.turns = make.counter("turns", "Finished turns")
        self.turn_latency = make.histogram(
            "turn_latency_seconds",
            "Time from the end of speech to each step of a turn",
            _LATENCY_BUCKETS,
            "step",
        )
        self.replies = make.counter(
            "replies",
            "Finished requests to the language model, by whether they were speculative and whether the "
            "turn used them",
            "speculative",
            "used",
        )
        self.reply_ends = make.counter("reply_ends", "Ended replies, by reason", "reason")

    def _count_model(self, make: Instruments) -> None:
        self.llm_tokens = make.counter(
            "llm_tokens",
            "Tokens of the language model, as counted by the limits: `prompt` or `completion`",
            "kind",
        )
        self.wasted_tokens = make.counter("wasted_tokens", "Tokens of speculative replies that were not used")
        self.llm_prewarm_tokens = make.counter(
            "llm_prewarm_tokens", "Tokens of requests that prewarm or check the model"
        )
        self.llm_requests = make.counter(
            "llm_requests",
            "Requests for a reply, by outcome: `answered`, `stopped`, or error code",
            "endpoint",
            "outcome",
        )
        self.llm_mitigations = make.counter(
            "llm_mitigations",
            "Mitigations of failures of a model endpoint: retry, switch, opened, closed",
            "mitigation",
        )
        self.llm_breaker_open = make.gauge(
            "llm_breaker_open", "Whether the circuit breaker of a model endpoint is open", "endpoint"
        )

    def _count_speech_and_tools(self, make: Instruments) -> None:
        self.voice_first_audio = make.histogram(
            "voice_first_audio_seconds", "Time from a sentence to its first audio", _LATENCY_BUCKETS
        )
        self.voice_real_time_factor = make.histogram(
            "voice_real_time_factor",
            "Synthesis time of a sentence divided by the duration of its audio",
            _REAL_TIME_BUCKETS,
        )
        self.reply_audio_dropped = make.counter(
            "reply_audio_dropped_seconds",
            "Reply audio that was not sent: interrupted, stale, or without a client",
        )
        self.tool_seconds = make.histogram(
            "tool_seconds",
            "Duration of tool calls, by whether they succeeded",
            _LATENCY_BUCKETS,
            "tool",
            "ok",
        )
        self.background_calls_waiting = make.gauge(
            "background_calls_waiting", "Background tool calls that wait in this process, not those in Redis"
        )
        self.moderation_checks = make.counter(
            "moderation_checks", "Moderated texts, by outcome: passed, hit, failed", "what", "outcome"
        )

    @cached_property
    def certificate_expires(self) -> Gauge:
        """The end of the TLS certificate, created at first use: a server without TLS has none."""
        name = "voicegw_certificate_expires_timestamp_seconds"
        return Gauge(name, "Unix time at which the TLS certificate expires", registry=self.registry)

    @cached_property
    def cluster(self) -> ClusterMetrics:
        """The Redis metrics, created at first use: a server without Redis must not show it as down."""
        return ClusterMetrics(self.registry)

    def observe_turn(self, latency: TurnLatency) -> None:
        """Counts a finished turn, from the same numbers as its `latency` event."""
        self.turns.inc()
        for step in _STEPS:
            if (milliseconds := getattr(latency, f"{step}_ms")) is not None:
                self.turn_latency.labels(step).observe(milliseconds / 1000)

    def observe_synthesis(self, first_audio_s: float, real_time_factor: float) -> None:
        """Counts a completely synthesized sentence."""
        self.voice_first_audio.observe(first_audio_s)
        self.voice_real_time_factor.observe(real_time_factor)

    def observe_attempt(self, *, speculative: bool, used: bool, tokens: int) -> None:
        """Counts a finished request to the language model, and its unused tokens."""
        self.replies.labels(str(speculative).lower(), str(used).lower()).inc()
        if not used:
            self.wasted_tokens.inc(tokens)

    def observe_decode(self, job: DecodeJob, milliseconds: float, retry_ms: float) -> None:
        """Counts a finished decode, and its time for repeated decoding."""
        kind, window_s = job.kind.value, to_ms(len(job.pcm) // 2) / 1000
        self.decode_window.labels(kind).observe(window_s)
        if window_s:
            self.decode_real_time_factor.labels(kind).observe(milliseconds / 1000 / window_s)
        self.decode_seconds.labels(kind).observe(milliseconds / 1000)
        if retry_ms:
            self.retry_seconds.labels(kind).observe(retry_ms / 1000)

    def observe_tool(self, name: str, seconds: float, *, ok: bool) -> None:
        """Counts a finished tool call."""
        self.tool_seconds.labels(name, "yes" if ok else "no").observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)


def trace_turn(session: str, latency: TurnLatency) -> None:
    """Logs a finished turn as one record, with the numbers of its `latency` event; omits steps that did not
    happen."""
    steps: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(latency).items() if value is not None
    }
    for name, value in steps.items():
        steps[name] = round(value, 1) if isinstance(value, float) else value
    log.info("turn", session=session, **steps)
