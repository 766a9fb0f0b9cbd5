"""The span of one request to a language model, named as OpenTelemetry does for generative AI."""

from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from opentelemetry.trace import Span, SpanKind

from voicegw.tracing import span


def chat_span(model: str, url: str) -> AbstractContextManager[Span]:
    """It does not become the current span, because requests are made in generators."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "server.address": urlsplit(url).hostname or "",
    }
    return span(f"chat {model}", attributes, kind=SpanKind.CLIENT, current=False)
