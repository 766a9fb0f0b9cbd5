"""The spans of sessions over a real WebSocket, with every port scripted."""

import pytest
from opentelemetry.trace import StatusCode

from tests.gateway.fakes import SPOKEN, staged
from tests.peer import joined
from tests.spans import Spans
from voicegw.dialects import native
from voicegw.errors import LLMTimeout

pytestmark = pytest.mark.usefixtures("virtual_clock")

HELLO = native.TextMessage(text="hello")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Spans:
    return Spans(monkeypatch)


async def spoken_turn(spans: Spans) -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.say(SPOKEN)
        await peer.until(native.LatencyMessage)


async def test_a_spoken_turn_is_part_of_its_connection(spans: Spans) -> None:
    await spoken_turn(spans)
    for step in ("endpoint", "finalization"):
        assert spans.path(step) == ["connection", "session", "turn", step]


async def test_a_turn_has_its_latency(spans: Spans) -> None:
    await spoken_turn(spans)
    attributes = dict(spans.one("turn").attributes or {})
    assert attributes["voicegw.turn"] == 1
    assert attributes["voicegw.reply.end"] == "completed"
    assert {"voicegw.first_token_ms", "voicegw.done_ms"} <= attributes.keys()


async def test_without_the_option_spans_contain_no_text(spans: Spans) -> None:
    await spoken_turn(spans)
    exported = "".join(span.to_json() for span in spans.ended)
    assert "hello there" not in exported
    assert "Good day" not in exported


async def test_with_the_option_a_turn_contains_its_text(spans: Spans) -> None:
    async with staged(traced_text=True) as stage, joined(stage.url) as peer:
        await peer.say(SPOKEN)
        await peer.until(native.LatencyMessage)
    attributes = dict(spans.one("turn").attributes or {})
    assert (attributes["voicegw.transcript"], attributes["voicegw.reply"]) == ("hello there", "Good day.")


async def test_a_typed_message_is_a_turn(spans: Spans) -> None:
    async with staged() as stage, joined(stage.url) as peer:
        await peer.send(HELLO)
        await peer.until(native.LatencyMessage)
    assert spans.path("turn") == ["connection", "session", "turn"]


async def test_an_error_is_an_event_of_the_session(spans: Spans) -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.failure = LLMTimeout()
        await peer.send(HELLO)
        assert await peer.error() == "llm_timeout"
    [event] = spans.one("session").events
    assert dict(event.attributes or {}) == {"error.type": "llm_timeout"}


async def test_an_open_turn_ends_with_its_session(spans: Spans) -> None:
    async with staged() as stage, joined(stage.url) as peer:
        stage.responder.gate.clear()
        await peer.send(HELLO)
        await peer.until(native.ReplyDeltaMessage)
    assert spans.one("turn").end_time is not None


async def test_the_request_names_the_parent(spans: Spans) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    async with staged() as stage, joined(stage.url, additional_headers=headers) as peer:
        await peer.send(native.EndMessage())
        await peer.closed()
    assert f"{spans.one('session').context.trace_id:032x}" == trace_id


@pytest.mark.parametrize("value", ["", "00-0-0-01", "x" * 4_000])
async def test_an_invalid_parent_is_ignored(spans: Spans, value: str) -> None:
    headers = [("traceparent", value), ("traceparent", value)]
    async with staged() as stage, joined(stage.url, additional_headers=headers) as peer:
        await peer.send(native.EndMessage())
        await peer.closed()
    assert spans.one("connection").parent is None
    assert spans.one("connection").status.status_code is not StatusCode.ERROR
