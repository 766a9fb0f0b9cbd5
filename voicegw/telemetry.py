"""Every metric's name, buckets and labels, the record of each turn, and the set-up of the log. What users say
goes into none of them."""

import atexit
import logging
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TextIO, cast

import msgspec
import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector
from structlog.typing import Processor

from voicegw.core.jobs import DecodeKind
from voicegw.core.latency import TurnLatency
from voicegw.log_writer import LogWriter

log = structlog.get_logger(__name__)
# a series more for each counter and histogram, that says when the process began
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
_DECODE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_REAL_TIME_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.75, 1.0, 1.5, 2.0)
_LAST_LINES_S = 1.0  # what the end of the process waits for the log


class _Instruments:
    """Makes metrics in one registry, all with the same beginning of their names."""

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self._registry, self._prefix = registry, prefix

    def gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(self._prefix + name, meaning, labels, registry=self._registry)

    def counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(self._prefix + name, meaning, labels, registry=self._registry)

    def histogram(self, name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(self._prefix + name, meaning, labels, registry=self._registry, buckets=buckets)


class _LogCollector(Collector):
    """What the log of this process has lost."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The one metric."""
        name, meaning = (
            "voicegw_log_lines_dropped",
            "Lines of the log that standard error did not take in time",
        )
        yield CounterMetricFamily(name, meaning, value=_writer.dropped)


class Metrics:
    """The metrics of one server, in a registry of their own, with its process's memory, descriptors and
    log."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_LogCollector())
        make = _Instruments(self.registry, "voicegw_")
        self._count_sessions(make)
        self._count_recognition(make)
        self._count_replies(make)

    def _count_sessions(self, make: _Instruments) -> None:
        self.tasks = make.gauge("tasks", "Tasks in the event loop")
        self.sessions = make.gauge("sessions", "Sessions held, parked ones included")
        self.sessions_parked = make.gauge(
            "sessions_parked", "Sessions that wait for a client that was cut off"
        )
        self.resumes = make.counter(
            "resumes_total", "Clients that came back, by outcome: resumed, or lost", "outcome"
        )
        self.session_ends = make.counter("session_ends", "Sessions over, by error code or `done`", "reason")
        self.refused = make.counter("refused", "Upgrades refused, by error code", "code")
        self.handshakes_dropped = make.counter(
            "handshakes_dropped", "Connections ended unanswered because too many were unfinished"
        )
        self.limits_unshared = make.counter(
            "limits_unshared",
            "Times that Redis did not answer about limits, so that this gateway counted alone",
        )
        self.faults = make.counter("faults", "Errors told to clients, by code", "code")
        self.outbox_coalesced = make.counter(
            "outbox_coalesced", "Messages replaced by newer ones before sending, by kind", "kind"
        )
        self.loop_lag = make.gauge("loop_lag_seconds", "Delay of the event loop, mean of a second")

    def _count_recognition(self, make: _Instruments) -> None:
        self.decode_queue = make.gauge("decode_queue", "Decode jobs waiting")
        self.decode_seconds = make.histogram("decode_seconds", "Time in a worker", _DECODE_BUCKETS, "kind")
        self.retry_seconds = make.histogram(
            "decode_retry_seconds", "Time for decoding again what looked wrong", _DECODE_BUCKETS, "kind"
        )
        self.partial_wait = make.gauge(
            "partial_wait_seconds", "Partials' time in the queue, mean of a second"
        )
        self.partials_shed = make.counter("partials_shed", "Partials not decoded under overload")
        self.decode_failures = make.counter("decode_failures", "Decode jobs given up")
        self.workers_ready = make.gauge("workers_ready", "Warm recognition workers")
        self.worker_restarts = make.counter("worker_restarts", "Recognition workers replaced")

    def _count_replies(self, make: _Instruments) -> None:
        self.turns = make.counter("turns", "Turns finished")
        self.turn_latency = make.histogram(
            "turn_latency_seconds", "From the end of speech to each step of a turn", _LATENCY_BUCKETS, "step"
        )
        self.replies = make.counter(
            "replies",
            "Requests to the language model that were over, by whether they were begun ahead of their turn "
            "and whether the turn used them",
            "speculative",
            "used",
        )
        self.wasted_tokens = make.counter(
            "wasted_tokens", "Tokens that the language model wrote ahead of a turn which then went on"
        )
        self.llm_prewarm_tokens = make.counter(
            "llm_prewarm_tokens", "Tokens of requests for no reply: to prewarm the model, or to find it ready"
        )
        self.llm_requests = make.counter(
            "llm_requests",
            "Requests for a reply: `answered`, `stopped` by us, or by error code",
            "endpoint",
            "outcome",
        )
        self.llm_remedies = make.counter(
            "llm_remedies",
            "What was done about a model endpoint in trouble: retry, switch, opened, closed",
            "remedy",
        )
        self.llm_breaker_open = make.gauge(
            "llm_breaker_open", "Whether the circuit breaker of a model endpoint is open", "endpoint"
        )
        self.voice_first_audio = make.histogram(
            "voice_first_audio_seconds", "From a sentence to the first of its audio", _LATENCY_BUCKETS
        )
        self.voice_real_time_factor = make.histogram(
            "voice_real_time_factor",
            "Time that the voice took for a sentence, by the length of its audio",
            _REAL_TIME_BUCKETS,
        )
        self.reply_audio_dropped = make.counter(
            "reply_audio_dropped_seconds",
            "Reply audio that was made and not sent: interrupted, stale, or nobody was there",
        )
        self.tool_seconds = make.histogram(
            "tool_seconds", "Tool calls, by whether they gave a result", _LATENCY_BUCKETS, "tool", "ok"
        )
        self.background_calls_waiting = make.gauge(
            "background_calls_waiting", "Tool calls waiting in the background"
        )
        self.moderation_checks = make.counter(
            "moderation_checks", "Texts judged, by outcome: passed, hit, failed", "what", "outcome"
        )

    @cached_property
    def cluster(self) -> "ClusterMetrics":
        """Those about Redis, there from their first use on: a server without one must not show it as down."""
        return ClusterMetrics(self.registry)

    def observe_turn(self, latency: TurnLatency) -> None:
        """Counts a finished turn, from the same numbers as its `latency` event."""
        self.turns.inc()
        steps = {
            "endpoint": latency.endpoint_ms,
            "queue": latency.queue_ms,
            "decode": latency.decode_ms,
            "final": latency.final_ms,
            "asked": latency.asked_ms,
            "model": latency.model_ms,
            "first_token": latency.first_token_ms,
            "first_audio": latency.first_audio_ms,
            "done": latency.done_ms,
        }
        for step, milliseconds in steps.items():
            if milliseconds is not None:
                self.turn_latency.labels(step).observe(milliseconds / 1000)

    def observe_synthesis(self, first_audio_s: float, real_time_factor: float) -> None:
        """Counts a sentence that was said to its end."""
        self.voice_first_audio.observe(first_audio_s)
        self.voice_real_time_factor.observe(real_time_factor)

    def observe_attempt(self, *, speculative: bool, used: bool, tokens: int) -> None:
        """Counts a request to the language model that is over, and what it wrote for nobody."""
        self.replies.labels(str(speculative).lower(), str(used).lower()).inc()
        if not used:
            self.wasted_tokens.inc(tokens)

    def observe_decode(self, kind: DecodeKind, milliseconds: float, retry_ms: float) -> None:
        """Counts a finished decode, and the part of it that went into decoding the window again."""
        self.decode_seconds.labels(kind.value).observe(milliseconds / 1000)
        if retry_ms:
            self.retry_seconds.labels(kind.value).observe(retry_ms / 1000)

    def observe_tool(self, name: str, seconds: float, *, ok: bool) -> None:
        """Counts a tool call that is over."""
        self.tool_seconds.labels(name, "yes" if ok else "no").observe(seconds)

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


class ClusterMetrics:
    """What Redis, and the work that gateways and workers share through it, look like from here; the streams
    are `finals` and `partials`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        make = _Instruments(registry, "voicegw_cluster_")
        self.redis_up = make.gauge("redis_up", "Whether Redis answers")
        self.redis_errors = make.counter("redis_errors", "Commands to Redis that failed, by error", "error")
        self.waiting = make.gauge("waiting_jobs", "Jobs that no worker has: the lag", "stream")
        self.held = make.gauge("held_jobs", "Jobs that workers have", "stream")
        self.oldest = make.gauge("oldest_waiting_seconds", "How long the oldest of them has waited", "stream")
        self.workers = make.gauge("workers", "Workers that are there and warm")
        self.group_busy = make.gauge("group_busy_share", "Share of time at work, mean of the workers")
        self.busy = make.gauge("busy_share", "Share of time at work, of this worker")
        self.claimed = make.counter("claimed_jobs", "Jobs taken over from silent workers")
        self.dropped = make.counter("dropped_jobs", "Jobs of gateways that are gone")
        self.dead = make.counter("dead_jobs", "Jobs given up, kept in the dead jobs' stream")
        self.late_answers = make.counter("late_answers", "Answers that nobody waited for any more")
        self.asked_again = make.counter("jobs_asked_again", "Jobs that Redis had lost")


def trace_turn(session: str, latency: TurnLatency) -> None:
    """Logs a finished turn as one record: the same numbers as its `latency` event, steps that did not happen
    left out."""
    steps: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(latency).items() if value is not None
    }
    for name, value in steps.items():
        steps[name] = round(value, 1) if isinstance(value, float) else value
    log.info("turn", session=session, **steps)


_writer = LogWriter(2, lambda count: log.error("log lines dropped", lines=count))
atexit.register(_writer.stop, _LAST_LINES_S)


def drain_log() -> bool:
    """Waits for the log to be written; whether standard error took it, within a second."""
    return _writer.drain(_LAST_LINES_S)


def configure_logging(level: str, *, as_json: bool) -> None:
    """Sends the log to standard error: one line an event, for people or as JSON. Warnings that libraries log
    with the standard library's `logging` go there, too."""
    for library in ("openai", "httpx2", "httpcore2"):  # below this they log what users said
        logging.getLogger(library).setLevel(logging.WARNING)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _writer)),
    )
    handler = logging.StreamHandler(_writer)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, renderer])
    )
    logging.basicConfig(handlers=[handler])  # without effect where there is a handler already
