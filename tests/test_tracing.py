"""Traces: the helpers, the exporters, and one conversation through Redis in two real processes."""

import asyncio
import json
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

from clients.local_server import ADMITTING
from tests.llm_server import LLMServer
from tests.observing import PATIENCE_S, START_S, until
from tests.peer import joined
from tests.redis_server import RedisServer, free_port
from tests.spans import Spans
from tests.speech import pcm, single_utterances
from voicegw.config import load
from voicegw.dialects import native
from voicegw.errors import ConfigurationError, LLMTimeout
from voicegw.tracing import TraceOptions, parent_headers, parent_of, span, tracing


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


def test_a_span_is_the_parent_of_those_in_its_block(spans: Spans) -> None:
    with span("outer"), span("inner"):
        pass
    assert spans.path("inner") == ["outer", "inner"]


def test_a_span_of_a_generator_is_nobody_s_parent(spans: Spans) -> None:
    with span("request", current=False), span("other"):
        pass
    assert spans.path("other") == ["other"]


@pytest.mark.parametrize(("error", "name"), [(LLMTimeout(), "llm_timeout"), (KeyError("secret"), "KeyError")])
def test_a_failed_span_names_the_error_without_its_message(spans: Spans, error: Exception, name: str) -> None:
    with pytest.raises(type(error)), span("request"):
        raise error
    assert (spans.one("request").attributes or {})["error.type"] == name
    assert "secret" not in spans.one("request").to_json()


def test_the_parent_crosses_processes_in_headers(spans: Spans) -> None:
    with span("sender") as sender:
        headers = parent_headers()
        assert headers == parent_headers(sender)
    with span("receiver", parent=parent_of(headers.items())):
        pass
    assert spans.path("receiver") == ["sender", "receiver"]


def test_without_traces_there_are_no_headers() -> None:
    with span("request"):
        assert parent_headers() == {}


@pytest.mark.parametrize(
    ("variables", "exporter"),
    [
        ({}, None),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"}, "none"),
    ],
)
def test_the_standard_variables_name_the_exporter(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], exporter: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert load([]).traces.exporter == exporter


def test_an_option_overrules_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    assert load(["--traces.exporter", "none"]).traces.exporter == "none"


@pytest.mark.parametrize("exporter", [None, "none"])
def test_without_an_exporter_nothing_is_recorded(exporter: str | None) -> None:
    with tracing(TraceOptions(exporter), "voicegw"), span("request") as request:
        assert not request.is_recording()


def test_an_unknown_exporter_is_refused() -> None:
    with (
        pytest.raises(ConfigurationError, match="known: otlp, console, none"),
        tracing(TraceOptions("otpl"), "voicegw"),
    ):
        pass
    assert not trace.get_current_span().is_recording()


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000"), ("OTEL_BSP_MAX_QUEUE_SIZE", "0")]
)
def test_a_variable_that_the_sdk_refuses_is_a_fault_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match="max_queue_size"), tracing(TraceOptions("otlp"), "voicegw"):
        pass


class Collector(HTTPServer):
    """Receives spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_spans_are_exported_to_a_collector(collector: Collector) -> None:
    """In a process of its own, because a process has one tracer provider."""
    script = (
        "from voicegw.tracing import *\n"
        "with tracing(TraceOptions('otlp'), 'gateway-7'), span('request'): pass"
    )
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=variables)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    [(path, body)] = collector.received
    assert path == "/v1/traces"
    assert b"gateway-7" in body
    assert b"request" in body


@asynccontextmanager
async def running(written: Path, *arguments: str) -> AsyncIterator[None]:
    """A `voicegw` process whose standard output, with its spans, goes to a file."""
    with written.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "voicegw.cli", *arguments, "--traces.exporter", "console"), stdout=output
        )
        try:
            await until(lambda: b"ing " in written.read_bytes(), within_s=START_S)  # listening, working
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), PATIENCE_S)


def exported(written: Path) -> list[dict[str, Any]]:
    """The spans in a file, after the line that says that the process is ready."""
    text, decoder, found = written.read_text().partition("\n")[2], json.JSONDecoder(), []
    while text := text.lstrip():
        record, end = decoder.raw_decode(text)
        found.append(record)
        text = text[end:]
    return found


async def test_one_trace_from_the_opened_socket_to_the_worker(tmp_path: Path) -> None:
    redis, port = RedisServer(tmp_path), free_port()
    redis.start()
    gateway, worker = tmp_path / "gateway", tmp_path / "worker"
    try:
        async with LLMServer() as llm:
            serve = ("serve", "--redis", redis.url, "--port", str(port), "--llm-url", llm.url)
            async with (
                running(worker, "worker", "--redis", redis.url, "--model", "bundled", "--workers", "1"),
                running(gateway, *serve, "--llm-model", "tiny", *ADMITTING),
                joined(f"ws://127.0.0.1:{port}/v1/stream", "reply=audio") as peer,
            ):
                await peer.say(pcm(single_utterances()[0]))
                await peer.until(native.LatencyMessage)
    finally:
        redis.kill()
    spans = exported(gateway) + exported(worker)
    assert_one_trace(spans)
    chats = [each["context"]["span_id"] for each in spans if each["name"] == "chat tiny"]
    assert any(chat.removeprefix("0x") in llm.exchanges[-1].traceparent for chat in chats)


def assert_one_trace(spans: list[dict[str, Any]]) -> None:
    """Every span of the conversation descends from that of its connection."""
    [root] = [each for each in spans if each["name"] == "connection"]
    trace_id, known = root["context"]["trace_id"], {each["context"]["span_id"] for each in spans}
    own = [each for each in spans if each["context"]["trace_id"] == trace_id]
    assert {
        *("connection", "session", "turn", "endpoint", "finalization", "decode", "decode job"),
        *("chat tiny", "synthesize speech"),
    } <= {each["name"] for each in own}
    assert all(each["parent_id"] in known for each in own if each is not root)
