"""Every metric's name, buckets and labels, the record of each turn, and the set-up of the log. What users say
goes into none of them."""

import logging
import sys
from dataclasses import asdict
from functools import cached_property
from typing import Any

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

from voicegw.core.jobs import DecodeKind
from voicegw.core.latency import TurnLatency

log = structlog.get_logger(__name__)
# a series more for each counter and histogram, that says when the process began
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
_DECODE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_REAL_TIME_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.75, 1.0, 1.5, 2.0)


class Metrics:
    """The metrics of one server, in a registry of their own, with its process's memory and descriptors."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.tasks = Gauge("voicegw_tasks", "Tasks in the event loop", registry=self.registry)
        self.sessions = Gauge(
            "voicegw_sessions", "Sessions held, parked ones included", registry=self.registry
        )
        self.sessions_parked = Gauge(
            "voicegw_sessions_parked",
            "Sessions that wait for a client that was cut off",
            registry=self.registry,
        )
        self.resumes = Counter(
            "voicegw_resumes_total",
            "Clients that came back, by outcome: resumed, or lost",
            ["outcome"],
            registry=self.registry,
        )
        self.session_ends = Counter(
            "voicegw_session_ends",
            "Sessions over, by error code or `done`",
            ["reason"],
            registry=self.registry,
        )
        self.refused = Counter(
            "voicegw_refused", "Upgrades refused, by error code", ["code"], registry=self.registry
        )
        self.handshakes_dropped = Counter(
            "voicegw_handshakes_dropped",
            "Connections ended unanswered because too many were unfinished",
            registry=self.registry,
        )
        self.limits_unshared = Counter(
            "voicegw_limits_unshared",
            "Times that Redis did not answer about limits, so that this gateway counted alone",
            registry=self.registry,
        )
        self.faults = Counter(
            "voicegw_faults", "Errors told to clients, by code", ["code"], registry=self.registry
        )
        self.outbox_coalesced = Counter(
            "voicegw_outbox_coalesced",
            "Messages replaced by newer ones before sending, by kind",
            ["kind"],
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "voicegw_loop_lag_seconds", "Delay of the event loop, mean of a second", registry=self.registry
        )
        self.turns = Counter("voicegw_turns", "Turns finished", registry=self.registry)
        self.turn_latency = Histogram(
            "voicegw_turn_latency_seconds",
            "From the end of speech to each step of a turn",
            ["step"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.replies = Counter(
            "voicegw_replies",
            "Requests to the language model that were over, by whether they were begun ahead of their turn "
            "and whether the turn used them",
            ["speculative", "used"],
            registry=self.registry,
        )
        self.wasted_tokens = Counter(
            "voicegw_wasted_tokens",
            "Tokens that the language model wrote ahead of a turn which then went on",
            registry=self.registry,
        )
        self.decode_queue = Gauge("voicegw_decode_queue", "Decode jobs waiting", registry=self.registry)
        self.decode_seconds = Histogram(
            "voicegw_decode_seconds",
            "Time in a worker",
            ["kind"],
            buckets=_DECODE_BUCKETS,
            registry=self.registry,
        )
        self.partial_wait = Gauge(
            "voicegw_partial_wait_seconds",
            "Partials' time in the queue, mean of a second",
            registry=self.registry,
        )
        self.partials_shed = Counter(
            "voicegw_partials_shed", "Partials not decoded under overload", registry=self.registry
        )
        self.decode_failures = Counter(
            "voicegw_decode_failures", "Decode jobs given up", registry=self.registry
        )
        self.workers_ready = Gauge(
            "voicegw_workers_ready", "Warm recognition workers", registry=self.registry
        )
        self.worker_restarts = Counter(
            "voicegw_worker_restarts", "Recognition workers replaced", registry=self.registry
        )
        self.llm_requests = Counter(
            "voicegw_llm_requests",
            "Requests for a reply: `answered`, `stopped` by us, or by error code",
            ["endpoint", "outcome"],
            registry=self.registry,
        )
        self.llm_remedies = Counter(
            "voicegw_llm_remedies",
            "What was done about a model endpoint in trouble: retry, switch, opened, closed",
            ["remedy"],
            registry=self.registry,
        )
        self.llm_breaker_open = Gauge(
            "voicegw_llm_breaker_open",
            "Whether a model endpoint is being left alone",
            ["endpoint"],
            registry=self.registry,
        )
        self.voice_first_audio = Histogram(
            "voicegw_voice_first_audio_seconds",
            "From a sentence to the first of its audio",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.voice_real_time_factor = Histogram(
            "voicegw_voice_real_time_factor",
            "Time that the voice took for a sentence, by the length of its audio",
            buckets=_REAL_TIME_BUCKETS,
            registry=self.registry,
        )
        self.reply_audio_dropped = Counter(
            "voicegw_reply_audio_dropped_seconds",
            "Reply audio that was made and not sent: interrupted, stale, or nobody was there",
            registry=self.registry,
        )
        self.tool_seconds = Histogram(
            "voicegw_tool_seconds",
            "Tool calls, by whether they gave a result",
            ["tool", "ok"],
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.errands_waiting = Gauge(
            "voicegw_errands_waiting", "Tool calls waiting in the background", registry=self.registry
        )
        self.moderation_checks = Counter(
            "voicegw_moderation_checks",
            "Texts judged, by outcome: passed, hit, failed",
            ["what", "outcome"],
            registry=self.registry,
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

    def observe_decode(self, kind: DecodeKind, milliseconds: float) -> None:
        """Counts a finished decode."""
        self.decode_seconds.labels(kind.value).observe(milliseconds / 1000)

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
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"voicegw_cluster_{name}", meaning, labels, registry=registry)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"voicegw_cluster_{name}", meaning, labels, registry=registry)

        self.redis_up = gauge("redis_up", "Whether Redis answers")
        self.redis_errors = counter("redis_errors", "Commands to Redis that failed, by error", "error")
        self.waiting = gauge("waiting_jobs", "Jobs that no worker has: the lag", "stream")
        self.held = gauge("held_jobs", "Jobs that workers have", "stream")
        self.oldest = gauge("oldest_waiting_seconds", "How long the oldest of them has waited", "stream")
        self.workers = gauge("workers", "Workers that are there and warm")
        self.group_busy = gauge("group_busy_share", "Share of time at work, mean of the workers")
        self.busy = gauge("busy_share", "Share of time at work, of this worker")
        self.claimed = counter("claimed_jobs", "Jobs taken over from silent workers")
        self.dropped = counter("dropped_jobs", "Jobs of gateways that are gone")
        self.dead = counter("dead_jobs", "Jobs given up, kept in the dead jobs' stream")
        self.late_answers = counter("late_answers", "Answers that nobody waited for any more")
        self.asked_again = counter("jobs_asked_again", "Jobs that Redis had lost")


def trace_turn(session: str, latency: TurnLatency) -> None:
    """Logs a finished turn as one record: the same numbers as its `latency` event, steps that did not happen
    left out."""
    steps: dict[str, Any] = {name: value for name, value in asdict(latency).items() if value is not None}
    for name, value in steps.items():
        steps[name] = round(value, 1) if isinstance(value, float) else value
    log.info("turn", session=session, **steps)


def configure_logging(level: str, *, as_json: bool) -> None:
    """Sends the log to standard error: one line an event, for people or as JSON."""
    for library in ("openai", "httpx2", "httpcore2"):  # below this they log what users said
        logging.getLogger(library).setLevel(logging.WARNING)
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
