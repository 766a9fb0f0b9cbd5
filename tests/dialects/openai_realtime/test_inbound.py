"""The items that a client adds, removes, retrieves and truncates."""

import json
from typing import Any
from unittest.mock import Mock

import pytest

from tests.dialects.openai_realtime.realtime import PREFIX, Client
from voicegw.core import events
from voicegw.core.chat_history import is_reply
from voicegw.core.commands import AddItem, CreateReply, DeleteItem, Relay, TruncateReply
from voicegw.core.events import (
    ClientToolCalled,
    EndReason,
    FinalTranscript,
    ReplyDelta,
    ReplyDone,
    ReplyReason,
    ReplyStep,
    SpeechStarted,
    SpeechStopped,
)
from voicegw.core.messages import Message
from voicegw.dialects.openai_realtime import MAX_TEXT_CHARACTERS, inbound
from voicegw.dialects.openai_realtime.conversation import MAX_ITEMS
from voicegw.dialects.openai_realtime.inbound import MAX_INPUT_ITEMS
from voicegw.dialects.openai_realtime.items import MAX_CONTENT_PARTS, item_of
from voicegw.dialects.port import ReplyAudio
from voicegw.errors import InputError, InvalidValue, MalformedMessage, UnknownItem

HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


@pytest.fixture
def client() -> Client:
    return Client()


def create(client: Client, item: dict[str, Any], **fields: Any) -> str:
    """Adds an item; returns its id."""
    added, done = client.send("conversation.item.create", item=item, **fields)
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert added["item"]["object"] == "realtime.item"
    return str(added["item"]["id"])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (HELLO, Message("user", "hello")),
        (HELLO | {"role": "system"}, Message("system", "hello")),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "transcript": "hi"}],
            },
            Message("assistant", "hi"),
        ),
        (
            {"type": "function_call", "name": "weather", "arguments": "{}", "call_id": "call_1"},
            Message("assistant", "", (ClientToolCalled("call_1", "weather", "{}"),)),
        ),
        (
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
            Message("tool", "rain", tool_call_id="call_1"),
        ),
    ],
)
def test_an_item_is_a_message(client: Client, item: dict[str, Any], message: Message) -> None:
    create(client, item)
    assert client.commands == [AddItem(message)]


def test_the_client_may_choose_id_and_place(client: Client) -> None:
    assert create(client, HELLO | {"id": "one"}) == "one"
    assert create(client, HELLO | {"id": "zero"}, previous_item_id="root") == "zero"
    create(client, HELLO | {"id": "two"}, previous_item_id="one")
    previous = [event["previous_item_id"] for event in client.received if event["type"].endswith(".added")]
    assert previous == [None, None, "one"]
    places = [command.after for command in client.commands if isinstance(command, AddItem)]
    assert places == [None, "", "client one"]


BAD_ITEMS: dict[str, tuple[dict[str, Any], type[InputError]]] = {
    "no type": ({"role": "user"}, MalformedMessage),
    "an unknown type": ({"type": "mcp_approval_response"}, MalformedMessage),
    "an unknown role": (HELLO | {"role": "tool"}, InvalidValue),
    "content of another kind": (HELLO | {"content": "hello"}, MalformedMessage),
    "an id with a blank": (HELLO | {"id": "turn 1"}, MalformedMessage),
    "an id too long": (HELLO | {"id": "x" * 65}, MalformedMessage),
    "a text too long": (HELLO | {"content": [{"text": "x" * 16_001}]}, InvalidValue),
    "too many parts": (HELLO | {"content": [{}] * 101}, InvalidValue),
    "an id that there is": (HELLO | {"id": "mine"}, InvalidValue),
}


@pytest.mark.parametrize(("item", "error"), BAD_ITEMS.values(), ids=BAD_ITEMS)
def test_a_bad_item_changes_nothing(client: Client, item: dict[str, Any], error: type[InputError]) -> None:
    create(client, HELLO | {"id": "mine"})
    client.commands.clear()
    with pytest.raises(error):
        client.send("conversation.item.create", item=item)
    assert client.commands == []


@pytest.mark.parametrize("action", ["delete", "retrieve", "truncate"])
def test_unknown_items(client: Client, action: str) -> None:
    fields = {"content_index": 0, "audio_end_ms": 5} if action == "truncate" else {}
    with pytest.raises(UnknownItem):
        client.send(f"conversation.item.{action}", item_id="mine", **fields)
    with pytest.raises(UnknownItem):
        client.send("conversation.item.create", item=HELLO, previous_item_id="mine")


def test_an_item_is_retrieved_and_deleted(client: Client) -> None:
    audio = {"type": "input_audio", "audio": "AAAA", "transcript": "hello"}
    name = create(client, HELLO | {"content": [audio]})
    [retrieved] = client.send("conversation.item.retrieve", item_id=name)
    assert retrieved["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}]
    [deleted] = client.send("conversation.item.delete", item_id=name)
    assert (deleted["type"], deleted["item_id"]) == ("conversation.item.deleted", name)
    with pytest.raises(UnknownItem):
        client.send("conversation.item.retrieve", item_id=name)


def test_items_of_the_server_are_deleted(client: Client) -> None:
    client.hear(
        SpeechStarted(1, 0), SpeechStopped(1, 0, EndReason.SILENCE), FinalTranscript(1, "one", (), 0, 1)
    )
    client.hear(ReplyDelta(1, "two"), ReplyStep(1, ClientToolCalled("call_1", "weather", "{}")))
    client.hear(ReplyDone(1, "two", ReplyReason.COMPLETED))
    added = [event["item"]["id"] for event in client.received if event["type"] == "conversation.item.added"]
    for name in added:
        client.send("conversation.item.delete", item_id=name)
    deleted = [command.id for command in client.commands if isinstance(command, DeleteItem)]
    assert deleted == ["turn 1", f"client {added[0]}", "reply 1", f"client {added[1]}", "call_1"]


def test_no_item_of_a_client_passes_for_a_reply(client: Client) -> None:
    """What the model has written is not judged as input."""
    create(client, HELLO | {"role": "assistant", "id": f"item_{PREFIX}_r1"})
    [command] = client.commands
    assert isinstance(command, AddItem)
    assert not is_reply(command.message)


def test_a_spoken_reply_is_truncated(client: Client) -> None:
    client.hear(ReplyDelta(3, "One two three four."))
    client.take(list(client.codec.send_audio(ReplyAudio(3, bytes(48_000), 1_000))))
    name = client.received[-1]["item_id"]
    fields = {"item_id": name, "content_index": 0}
    [truncated] = client.send("conversation.item.truncate", **fields, audio_end_ms=450)
    assert (truncated["type"], truncated["audio_end_ms"]) == ("conversation.item.truncated", 450)
    client.send("conversation.item.truncate", **fields, audio_end_ms=2_000)
    assert client.commands == [TruncateReply(3, 450, 7), TruncateReply(3, 2_000, 19)]


def test_references_to_long_items_have_a_limit(client: Client) -> None:
    """Otherwise one event could make a prompt of 60 MB."""
    create(client, HELLO | {"id": "a", "content": [{"text": "x" * MAX_TEXT_CHARACTERS}]})
    client.commands.clear()
    reference = {"type": "item_reference", "id": "a"}
    with pytest.raises(InvalidValue, match=r"response\.input"):
        client.send("response.create", response={"conversation": "none", "input": [reference] * 2_000})
    assert client.commands == []
    client.send("response.create", response={"input": [reference] * 7})
    [command] = client.commands
    assert isinstance(command, CreateReply)
    assert len(command.messages or ()) == 7


def test_an_input_has_a_limited_number_of_items(client: Client) -> None:
    create(client, HELLO | {"id": "a", "content": []})
    client.commands.clear()
    for item in ({"type": "item_reference", "id": "a"}, HELLO):
        with pytest.raises(InvalidValue, match="items"):
            client.send("response.create", response={"input": [item] * (MAX_INPUT_ITEMS + 1)})
    assert client.commands == []


def test_an_item_is_converted_once_however_often_an_input_refers_to_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(client, HELLO | {"id": "a", "content": [{}] * MAX_CONTENT_PARTS})
    converted = Mock(wraps=item_of)
    monkeypatch.setattr(inbound, "item_of", converted)
    references = [{"type": "item_reference", "id": "a"}] * MAX_INPUT_ITEMS
    client.send("response.create", response={"input": [*references[1:], HELLO]})
    assert converted.call_count == 2
    command = client.commands[-1]
    assert isinstance(command, CreateReply)
    assert len(command.messages or ()) == MAX_INPUT_ITEMS


@pytest.mark.parametrize("kind", ["retrieve", "delete", "truncate"])
def test_an_unknown_item_is_reported_by_the_code_of_its_event(client: Client, kind: str) -> None:
    event = {"item_id": "never", "content_index": 0, "audio_end_ms": 0}
    with pytest.raises(UnknownItem) as raised:
        client.send(f"conversation.item.{kind}", **event)
    assert raised.value.code == f"item_{kind}_invalid_item_id"


def test_of_a_very_long_conversation_the_oldest_items_are_forgotten(client: Client) -> None:
    for number in range(MAX_ITEMS + 1):
        create(client, HELLO | {"content": [], "id": f"item{number}"})
    with pytest.raises(UnknownItem):
        client.send("conversation.item.retrieve", item_id="item0")


def test_a_client_need_not_wait_until_it_is_told_of_an_item() -> None:
    client = Client()
    relayed: list[Relay] = []
    for event in (
        {"type": "conversation.item.create", "item": HELLO | {"id": "a"}, "previous_item_id": "root"},
        {"type": "conversation.item.create", "item": HELLO | {"id": "b"}, "previous_item_id": "a"},
        {"type": "conversation.item.delete", "item_id": "a"},
    ):
        for each in client.codec.receive(json.dumps(event)):
            if isinstance(each, Relay):
                relayed.append(each)
            else:
                client.commands.append(each)
    heard = client.hear(*(events.Relayed(each.data) for each in relayed))
    assert [type(command) for command in client.commands] == [AddItem, AddItem, DeleteItem]
    assert [event.get("previous_item_id") for event in heard[:4]] == [None, None, "a", "a"]
    assert heard[-1]["type"] == "conversation.item.deleted"
    with pytest.raises(UnknownItem):
        client.send("conversation.item.retrieve", item_id="a")
