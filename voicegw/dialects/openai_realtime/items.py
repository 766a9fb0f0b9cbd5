"""The items of a conversation, as the client writes them and as they are shown."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, assert_never

import msgspec

from voicegw.core.events import ClientToolCalled, Message
from voicegw.core.text import encodable
from voicegw.errors import InvalidValue, MalformedMessage

MAX_TEXT_CHARACTERS = 16_000
MAX_CONTENT_PARTS = 100  # empty ones have no text, but cost time
SESSION_PREFIX = "sess_"
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT_CHARACTERS)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
_AUDIO_AND_IMAGES = ("audio", "image_url")


class ItemBase(msgspec.Struct, tag_field="type", kw_only=True):
    """id: chosen by the client, or given to it."""

    id: _Id | None = None


class MessageItem(ItemBase, tag="message"):
    """What somebody said or wrote. Of the content, text and transcripts are used."""

    role: str
    content: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The text of all parts."""
        texts = (part.get("text") or part.get("transcript") or "" for part in self.content)
        return encodable("\n".join(text for text in texts if isinstance(text, str) and text))


class FunctionCallItem(ItemBase, tag="function_call"):
    """A call of a function of the client."""

    name: _Id
    arguments: _Text
    call_id: _Id


class FunctionOutputItem(ItemBase, tag="function_call_output"):
    """The result of such a call."""

    call_id: _Id
    output: _Text


Item = MessageItem | FunctionCallItem | FunctionOutputItem
_ROLES = ("user", "assistant", "system")


def item_of(given: Mapping[str, Any]) -> Item:
    """The item that a client states. Raises MalformedMessage or InvalidValue."""
    try:
        item: Item = msgspec.convert(given, Item)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"item: {error}"[:200]) from error
    if isinstance(item, MessageItem):
        if item.role not in _ROLES:
            raise InvalidValue(f"item.role must be one of {', '.join(_ROLES)}")
        if len(item.content) > MAX_CONTENT_PARTS:
            raise InvalidValue(f"item.content: more than {MAX_CONTENT_PARTS} parts")
        if len(item.text) > MAX_TEXT_CHARACTERS:
            raise InvalidValue(f"item.content: more than {MAX_TEXT_CHARACTERS} characters")
    return item


def message_of(item: Item, key: str = "") -> Message:
    """The item in a prompt. key: its id in the core."""
    match item:
        case MessageItem():
            return Message(item.role, item.text, id=key)
        case FunctionCallItem():
            call = ClientToolCalled(item.call_id, item.name, encodable(item.arguments))
            return Message("assistant", "", (call,), id=key)
        case FunctionOutputItem():
            return Message("tool", encodable(item.output), tool_call_id=item.call_id, id=key)
        case _:
            assert_never(item)


def shown_item(item: Item) -> dict[str, Any]:
    """The item for the client, without audio and images."""
    known: dict[str, Any] = msgspec.to_builtins(item)
    if isinstance(item, MessageItem):
        known["content"] = [
            {name: value for name, value in part.items() if name not in _AUDIO_AND_IMAGES}
            for part in item.content
        ]
    return {"object": "realtime.item", "status": "completed"} | known


def spoken_item(item_id: str) -> dict[str, Any]:
    """An item of the user's audio."""
    return {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }


class Ids:
    """The ids that the server gives. prefix: different for each connection, because clients repeat the items
    of an earlier session, with their ids, in the next one."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._own = re.compile(rf"item_{prefix}_([ur])([0-9]{{1,12}})")
        self._counts: dict[str, int] = {}

    @property
    def conversation(self) -> str:
        return f"conv_{self._prefix}"

    def speech(self, turn: int) -> str:
        """The item of an utterance."""
        return f"item_{self._prefix}_u{turn}"

    def reply(self, turn: int) -> str:
        """The item with the text of a reply."""
        return f"item_{self._prefix}_r{turn}"

    def next(self, kind: str) -> str:
        """A new id of this kind."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}_{self._prefix}_{self._counts[kind]}"

    def number_of(self, kind: str, given: str) -> int:
        """The count in an id of `next`, or the one of `standing_for`; 0 for another id."""
        found = re.fullmatch(rf"{kind}_{self._prefix}_([0-9]{{1,12}})(?:_for_([0-9]{{1,12}}))?", given)
        return 0 if found is None else int(found[2] or found[1])

    def standing_for(self, kind: str, number: int) -> str:
        """A new id of this kind whose `number_of` is `number`."""
        return f"{self.next(kind)}_for_{number}"

    def turn_of_reply(self, item_id: str) -> int | None:
        """The turn of an id of `reply`; None for another id."""
        found = self._own.fullmatch(item_id)
        return int(found[2]) if found is not None and found[1] == "r" else None

    def client_key(self, item_id: str) -> str:
        """The id in the core of an item that the client writes, whatever id it chooses: it must not pass for
        a reply."""
        return f"client {item_id}"

    def keys(self, item_id: str) -> Sequence[str]:
        """All ids in the core that an item may have: a client may write an item again that it has deleted."""
        return tuple(dict.fromkeys((self.key(item_id), self.client_key(item_id))))

    def key(self, item_id: str) -> str:
        """The id in the core."""
        found = self._own.fullmatch(item_id)
        if found is None:
            return self.client_key(item_id)
        return f"{'turn' if found[1] == 'u' else 'reply'} {found[2]}"
