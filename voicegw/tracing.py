"""Traces with OpenTelemetry: where they go, and how modules add spans to them.

Modules use only the API, which does nothing until `tracing` installs the SDK (extra `otel`). SDK and exporter
read the standard variables, such as OTEL_EXPORTER_OTLP_ENDPOINT, by themselves.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from voicegw import __version__
from voicegw.core.options import option
from voicegw.errors import ConfigurationError, StartupError, VoicegwError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

NO_EXPORTER = "none"
_NAMES = {"otlp": "otlp_proto_http"}  # any other name is that of an installed exporter, such as `console`
_PARENT_HEADERS = ("traceparent", "tracestate")

tracer = trace.get_tracer("voicegw", __version__)
_propagator = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """What is traced, and where traces go."""

    exporter: str | None = option(
        None, "where traces go: otlp, console or none; if unset, as the OTEL_ variables say"
    )
    text: bool = option(False, "traces contain what users say and what the model answers")


@contextmanager
def tracing(options: TraceOptions, service: str) -> Iterator[None]:
    """Exports the spans that end during the block; its end may take seconds, for the last ones.

    service: its name, unless OTEL_SERVICE_NAME is set. Raises as `new_provider` does.
    """
    provider = new_provider(options, service)
    if provider is None:
        yield
        return
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def new_provider(options: TraceOptions, service: str) -> "TracerProvider | None":
    """Exports spans, if an exporter is named. Raises ConfigurationError for an unknown exporter and for a
    variable that the SDK refuses, and StartupError when the SDK is not installed."""
    if options.exporter is None or options.exporter == NO_EXPORTER:
        return None
    try:
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise StartupError("traces need the extra `otel`: pip install 'voicegw[otel]'") from None
    resource = Resource.create({"service.name": service, "service.version": __version__})
    try:
        provider = TracerProvider(resource=resource.merge(OTELResourceDetector().detect()))
        provider.add_span_processor(BatchSpanProcessor(_exporter(options.exporter)))
    except ValueError as error:
        raise ConfigurationError(f"a variable OTEL_… of traces is wrong: {error}") from error
    return provider


def _exporter(name: str) -> Any:
    """The exporter that an installed package has registered under this name."""
    found = entry_points(group="opentelemetry_traces_exporter", name=_NAMES.get(name, name))
    if not found:
        raise ConfigurationError(f"no exporter of traces has the name {name}; known: otlp, console, none")
    return next(iter(found)).load()()


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    *,
    kind: trace.SpanKind = trace.SpanKind.INTERNAL,
    parent: context.Context | None = None,
    current: bool = True,
) -> Iterator[trace.Span]:
    """A span around a block. An exception marks it as failed: with the code of our errors, with the name of
    other types, and never with a message, which may quote a user.

    parent: instead of the current span. current: the span becomes the current one; must be False in a
    generator, where its consumer would see it.
    """
    opened = tracer.start_span(name, parent, kind, attributes)
    token = context.attach(trace.set_span_in_context(opened, parent)) if current else None
    try:
        yield opened
    except Exception as error:
        fail(opened, error.code if isinstance(error, VoicegwError) else type(error).__name__)
        raise
    finally:
        if token is not None:
            context.detach(token)
        opened.end()


def fail(failed: trace.Span, code: str) -> None:
    """Marks a span as failed."""
    failed.set_status(trace.StatusCode.ERROR, code)
    failed.set_attribute("error.type", code)


def parent_of(headers: Iterable[tuple[str, str]]) -> context.Context:
    """The context with the span that a request from outside names as the parent (W3C Trace Context); the
    current context if it names none."""
    named = {name.lower(): value for name, value in headers if name.lower() in _PARENT_HEADERS}
    return _propagator.extract(named)


def parent_headers(of: trace.Span | None = None) -> dict[str, str]:
    """The headers that make a span the parent of those of the receiver; empty when it is not recorded. of:
    the current one if None."""
    headers: dict[str, str] = {}
    _propagator.inject(headers, None if of is None else trace.set_span_in_context(of))
    return headers
