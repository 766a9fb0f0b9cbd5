"""Responses: from the request, or the first words of a reply, to `response.done`."""

import base64
from typing import Any

import numpy as np
import pytest

from tests.dialects.openai_realtime.realtime import Client, connected
from voicegw.core.commands import CreateReply, ReplyMode
from voicegw.core.events import (
    ClientToolCalled,
    Fault,
    ReplyDelta,
    ReplyDone,
    ReplyNotice,
    ReplyReason,
    ReplyStep,
    ToolCalled,
)
from voicegw.core.messages import Message, TokenUsage
from voicegw.core.reply_parameters import ReplyParameters
from voicegw.dialects.port import ReplyAudio
from voicegw.errors import (
    InternalError,
    InvalidState,
    LLMFiltered,
    LLMTimeout,
    LLMTokenLimit,
    RateLimited,
    UnknownItem,
)

CALL = ClientToolCalled("call_1", "weather", '{"city":"Rome"}')
NOISE = np.arange(-1200, 1200, dtype="<i2").tobytes()  # 100 ms


@pytest.fixture
def client() -> Client:
    client = Client()
    client.update(output_modalities=["text"])
    client.received.clear()
    client.commands.clear()
    return client


def last_done(client: Client) -> dict[str, Any]:
    done = client.received[-1]
    assert done["type"] == "response.done"
    response: dict[str, Any] = done["response"]
    return response


def test_a_response_of_text(client: Client) -> None:
    client.hear(ReplyDelta(1, "Hel"), ReplyDelta(1, "lo."), ReplyDone(1, "Hello.", ReplyReason.COMPLETED))
    assert client.kinds() == [
        *("response.created", "response.output_item.added", "conversation.item.added"),
        *("response.content_part.added", "response.output_text.delta", "response.output_text.delta"),
        *("response.output_text.done", "response.content_part.done", "conversation.item.done"),
        *("response.output_item.done", "response.done"),
    ]
    response = last_done(client)
    assert (response["status"], response["output"][0]["content"]) == (
        "completed",
        [{"type": "output_text", "text": "Hello."}],
    )
    assert len({event["response_id"] for event in client.received if "response_id" in event}) == 1


def test_a_response_wanted_before_the_end_of_another_begins_after_it(client: Client) -> None:
    client.hear(ReplyDelta(1, "Hello."))
    assert client.send("response.create", response={"metadata": {"number": "2"}}) == []
    client.hear(ReplyDone(1, "Hello.", ReplyReason.COMPLETED))
    assert client.kinds()[-2:] == ["response.done", "response.created"]
    assert client.received[-2]["response"]["metadata"] is None
    client.hear(ReplyDelta(2, "Bye."), ReplyDone(2, "Bye.", ReplyReason.COMPLETED))
    assert last_done(client)["metadata"] == {"number": "2"}
    assert client.kinds().count("response.created") == 2


def test_a_response_that_does_not_begin_because_another_was_stopped(client: Client) -> None:
    client.hear(ReplyDelta(1, "Hello."))
    client.send("response.create")
    client.received.clear()
    client.hear(ReplyDone(1, "Hello.", ReplyReason.CANCELLED), ReplyDone(2, "", ReplyReason.CANCELLED))
    done = [event["response"]["status"] for event in client.received if event["type"] == "response.done"]
    assert done == ["cancelled", "cancelled"]
    assert client.kinds()[-2:] == ["response.created", "response.done"]


def test_a_spoken_response() -> None:
    client = Client()
    client.hear(ReplyDelta(1, "Hello."))
    client.take(list(client.codec.send_audio(ReplyAudio(1, NOISE, 100))))
    assert list(client.codec.send_audio(ReplyAudio(2, NOISE, 100))) == []
    assert base64.b64decode(client.received[-1]["delta"]) == NOISE
    client.update(audio={"output": {"format": {"type": "audio/pcma"}}})
    [frame] = client.take(list(client.codec.send_audio(ReplyAudio(1, NOISE, 100))))
    assert len(base64.b64decode(frame["delta"])) == 800
    client.hear(ReplyDone(1, "Hello.", ReplyReason.COMPLETED))
    assert last_done(client)["output"][0]["content"] == [{"type": "output_audio", "transcript": "Hello."}]


@pytest.mark.parametrize(
    ("reason", "before", "status", "details"),
    [
        (ReplyReason.COMPLETED, (), "completed", {"type": "completed"}),
        (ReplyReason.INTERRUPTED, (), "cancelled", {"type": "cancelled", "reason": "turn_detected"}),
        (ReplyReason.CANCELLED, (), "cancelled", {"type": "cancelled", "reason": "client_cancelled"}),
        (ReplyReason.MODERATED, (), "incomplete", {"type": "incomplete", "reason": "content_filter"}),
        (
            ReplyReason.FAILED,
            (Fault.of(LLMFiltered()),),
            "incomplete",
            {"type": "incomplete", "reason": "content_filter"},
        ),
        (
            ReplyReason.COMPLETED,
            (ReplyStep(1, ReplyNotice(LLMTokenLimit.code, "cut")),),
            "incomplete",
            {"type": "incomplete", "reason": "max_output_tokens"},
        ),
        (
            ReplyReason.FAILED,
            (Fault.of(LLMTimeout("late")),),
            "failed",
            {"type": "failed", "error": {"type": "server_error", "code": "llm_timeout", "message": "late"}},
        ),
    ],
)
def test_how_it_ends(
    client: Client, reason: ReplyReason, before: tuple[Any, ...], status: str, details: dict[str, Any]
) -> None:
    client.hear(*before, ReplyDone(1, "", reason))
    response = last_done(client)
    assert (response["status"], response["status_details"]) == (status, details)
    assert client.kinds()[0] == "response.created"


def test_the_tokens_that_the_endpoint_reports(client: Client) -> None:
    client.hear(ReplyDone(1, "", ReplyReason.COMPLETED, TokenUsage(30, 12)))
    usage = last_done(client)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (30, 12, 42)
    assert usage["output_token_details"]["text_tokens"] == 12


def test_a_failure_without_a_reason_has_an_error(client: Client) -> None:
    client.hear(ReplyDone(1, "", ReplyReason.FAILED))
    assert last_done(client)["status_details"]["error"]["code"] == "failed"


def test_calls_of_the_clients_functions(client: Client) -> None:
    server_call = ToolCalled("call_0", "ours", "{}")
    client.hear(ReplyDelta(1, "Wait."), ReplyStep(1, server_call), ReplyStep(1, CALL))
    client.hear(ReplyDone(1, "Wait.", ReplyReason.COMPLETED))
    done = next(event for event in client.received if event["type"].endswith("arguments.done"))
    assert (done["name"], done["call_id"], done["arguments"]) == ("weather", "call_1", '{"city":"Rome"}')
    assert [item["type"] for item in last_done(client)["output"]] == ["message", "function_call"]
    assert "ours" not in str(client.received)


def test_a_requested_response_repeats_what_it_was_given(client: Client) -> None:
    [created] = client.send(
        "response.create",
        response={"metadata": {"a": "b", "c": 5}, "output_modalities": ["audio"], "max_output_tokens": 9},
    )
    assert created["response"]["metadata"] == {"a": "b"}
    assert created["response"]["output_modalities"] == ["audio"]
    assert client.commands == [CreateReply(ReplyMode.AUDIO, parameters=ReplyParameters(max_tokens=9))]
    client.hear(ReplyDelta(1, "Hello."))
    assert client.kinds().count("response.created") == 1


def test_a_response_outside_of_the_conversation(client: Client) -> None:
    client.send("conversation.item.create", item=user("one", "mine"))
    given = [{"type": "item_reference", "id": "mine"}, user("two")]
    client.send(
        "response.create", response={"conversation": "none", "input": given, "instructions": "Count."}
    )
    messages = (Message("user", "one"), Message("user", "two"))
    assert client.commands[-1] == CreateReply(ReplyMode.TEXT, "Count.", None, messages, separate=True)
    client.received.clear()
    client.hear(ReplyDelta(1, "Two."), ReplyDone(1, "Two.", ReplyReason.COMPLETED))
    assert not any(kind.startswith("conversation.") for kind in client.kinds())
    assert last_done(client)["conversation_id"] is None


def user(text: str, item_id: str | None = None) -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return item if item_id is None else item | {"id": item_id}


def test_an_input_refers_to_known_items_only(client: Client) -> None:
    with pytest.raises(UnknownItem):
        client.send("response.create", response={"input": [{"type": "item_reference", "id": "x"}]})
    assert client.received == []


def test_a_transcription_session_has_no_responses() -> None:
    with pytest.raises(InvalidState):
        Client(connected("intent=transcription")).send("response.create")


def test_the_reason_of_a_failure_is_its_own_not_a_rate_limit_of_audio(client: Client) -> None:
    limited = Fault.of(RateLimited("too much audio"))
    client.hear(limited, ReplyDelta(1, "a"), Fault.of(InternalError()), limited)
    client.hear(ReplyDone(1, "a", ReplyReason.FAILED))
    assert last_done(client)["status_details"]["error"]["code"] == "internal_error"
    client.hear(limited)
    client.send("response.create")
    client.hear(Fault.of(LLMTimeout("late")), ReplyDone(2, "", ReplyReason.FAILED))
    assert last_done(client)["status_details"]["error"]["code"] == "llm_timeout"


def test_a_reply_may_fail_for_a_rate_limit(client: Client) -> None:
    client.hear(Fault.of(RateLimited("too many tokens")), ReplyDone(1, "", ReplyReason.FAILED))
    assert last_done(client)["status_details"]["error"]["code"] == "rate_limit_exceeded"
