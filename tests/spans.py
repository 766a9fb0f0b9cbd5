"""Spans that are kept in memory, for tests of what is traced."""

from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from voicegw import tracing
from voicegw.gateway.session import session_trace


class Spans:
    """The spans that have ended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        for module in (tracing, session_trace):
            monkeypatch.setattr(module, "tracer", provider.get_tracer("test"))

    @property
    def ended(self) -> Sequence[ReadableSpan]:
        return self._kept.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.ended if span.name == name]
        return found

    def path(self, name: str) -> list[str]:
        """The names from the root to this span."""
        by_id = {span.context.span_id: span for span in self.ended}
        names, span = [name], self.one(name)
        while span.parent is not None and (found := by_id.get(span.parent.span_id)) is not None:
            span = found
            names.insert(0, span.name)
        return names
