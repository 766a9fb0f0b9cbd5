"""Converts the events of a client to commands of the session."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, assert_never

from voicegw.core.chat_history import user_item
from voicegw.core.commands import (
    AddItem,
    Cancel,
    Commit,
    Configure,
    CreateReply,
    DeleteItem,
    Discard,
    Relay,
    TruncateReply,
)
from voicegw.core.events import Message
from voicegw.core.history_length import characters_of
from voicegw.core.text import encodable, quoted
from voicegw.dialects.openai_realtime import client_events, relayed
from voicegw.dialects.openai_realtime.audio_formats import InputConverter, pieces
from voicegw.dialects.openai_realtime.conversation import Conversation
from voicegw.dialects.openai_realtime.input_items import InputItems
from voicegw.dialects.openai_realtime.items import Ids, item_of, message_of, shown_item
from voicegw.dialects.openai_realtime.relayed import AnyAnswer
from voicegw.dialects.openai_realtime.reply_fields import reply_parameters
from voicegw.dialects.openai_realtime.responses import Responses
from voicegw.dialects.openai_realtime.session_fields import TRANSCRIPTION, SessionFields
from voicegw.dialects.port import Audio, Received
from voicegw.errors import (
    InvalidState,
    InvalidValue,
    MalformedMessage,
    NoItemToDelete,
    NoItemToReferTo,
    NoItemToRetrieve,
    NoItemToTruncate,
    NoReply,
    NothingToCommit,
    UnknownItem,
)

MAX_INPUT_ITEMS = 200  # of a response's own input
MAX_INPUT_CHARACTERS = 128_000  # of them together; as much as one event has without references
_LEAST_COMMIT_MS = 100
_REPLY_FIELDS = (*("max_output_tokens", "tools", "tool_choice", "parallel_tool_calls", "reasoning"),)
_MAX_METADATA = 16


class Inbound:
    """Reads one client's events. fields: the session after the updates so far. conversation, input_items,
    responses: what the client knows; only read here."""

    def __init__(
        self,
        ids: Ids,
        conversation: Conversation,
        input_items: InputItems,
        responses: Responses,
        fields: SessionFields,
    ) -> None:
        self.fields = fields
        self._ids = ids
        self._conversation = conversation
        self._input = input_items
        self._responses = responses
        self._converter = InputConverter()
        self._uncommitted = 0.0  # seconds of audio
        self._unannounced: dict[str, Mapping[str, Any]] = {}

    def receive(self, event: client_events.AnyClientEvent) -> Iterator[Received]:
        """The commands for an event. Raises an InputError."""
        match event:
            case client_events.AudioAppend(audio=audio):
                self._uncommitted += len(audio) / self.fields.input_format.bytes_per_second
                for piece in pieces(audio, self.fields.input_format):
                    yield Audio(self._converter.convert(piece, self.fields.input_format))
            case client_events.AudioCommit():
                yield from self._commit()
            case client_events.AudioClear():
                self._uncommitted = 0.0
                yield Discard()
                for turn in self._input.uncommitted_turns:  # of a long turn, or one with a pause in its audio
                    yield DeleteItem(user_item(turn))
                yield _relay(relayed.AudioCleared())
            case client_events.SessionUpdate(session=changes):
                yield from self._update(changes)
            case client_events.ResponseCreate(response=asked):
                yield from self._create_response(asked or {})
            case client_events.ResponseCancel(response_id=response_id):
                if response_id is not None and response_id != self._responses.current_id:
                    raise NoReply
                yield Cancel(expected=True)
            case client_events.OutputClear():
                pass  # for WebRTC; over a WebSocket the client has the audio
            case _:
                yield from self._change_item(event)

    def _commit(self) -> Iterator[Received]:
        if self._uncommitted * 1000 < _LEAST_COMMIT_MS:
            held = round(self._uncommitted * 1000, 2)
            raise NothingToCommit(
                f"buffer too small. Expected at least {_LEAST_COMMIT_MS}ms of audio, but buffer only has "
                f"{held}ms of audio."
            )
        self._uncommitted = 0.0
        yield _relay(relayed.AudioCommitted())
        yield Commit()

    def _update(self, changes: dict[str, Any]) -> Iterator[Received]:
        updated = self.fields.updated(changes)
        answer = _relay(relayed.SessionUpdated(updated.shown_object()))
        if (command := _changes(self.fields.configuration, updated.configuration)) != Configure():
            yield command
        self.fields = updated
        yield answer

    def _create_response(self, asked: dict[str, Any]) -> Iterator[Received]:
        if self.fields.type == TRANSCRIPTION:
            raise InvalidState("a transcription session has no responses")
        given = asked.get("output_modalities")
        modality = given[0] if given in (["text"], ["audio"]) else self.fields.modality
        mode = self.fields.mode_of(modality)
        instructions, own = asked.get("instructions"), asked.get("input")
        changed = {name: asked[name] for name in _REPLY_FIELDS if name in asked}
        separate = asked.get("conversation") == "none"
        shown = {"metadata": _metadata(asked.get("metadata"))}
        if "max_output_tokens" in asked:
            shown["max_output_tokens"] = asked["max_output_tokens"]
        answer = _relay(relayed.ResponseRequested(mode.value, shown, separate))
        yield CreateReply(
            mode,
            self._instructions(instructions),
            reply_parameters(dict(self.fields.shown) | changed) if changed else None,
            self._prompt(own) if isinstance(own, list) else None,
            separate,
        )
        yield answer

    def _instructions(self, given: Any) -> str | None:
        """The instructions of one response; None for those of the session, which a token may fix."""
        usable = isinstance(given, str) and self.fields.fixed.instructions is None
        return encodable(given) if usable else None

    def _prompt(self, given: list[Any]) -> tuple[Message, ...]:
        """The messages of a response's own input, which may refer to items of the conversation. A short
        reference stands for a long item, so their length together has a limit, and an item that is referred
        to again is not converted again."""
        if len(given) > MAX_INPUT_ITEMS:
            raise InvalidValue(f"response.input: more than {MAX_INPUT_ITEMS} items")
        messages: list[Message] = []
        referred: dict[str, Message] = {}
        left = MAX_INPUT_CHARACTERS
        for each in given:
            if not isinstance(each, dict):
                raise MalformedMessage("response.input: an item is no object")
            if each.get("type") == "item_reference":
                name = str(each.get("id"))
                if name not in referred:
                    referred[name] = message_of(item_of(self._known(name)))
                messages.append(referred[name])
            else:
                messages.append(message_of(item_of(each)))
            left -= characters_of(messages[-1:])
            if left < 0:
                raise InvalidValue(f"response.input: more than {MAX_INPUT_CHARACTERS} characters")
        return tuple(messages)

    # --- items ---

    def _change_item(
        self,
        event: client_events.ItemCreate
        | client_events.ItemDelete
        | client_events.ItemRetrieve
        | client_events.ItemTruncate,
    ) -> Iterator[Received]:
        match event:
            case client_events.ItemCreate(item=given, previous_item_id=previous):
                yield from self._create_item(given, previous)
            case client_events.ItemDelete(item_id=item_id):
                item = self._known(item_id, NoItemToDelete)
                called = item["call_id"] if item["type"] == "function_call" else None
                keys = (called,) if called else (*self._ids.keys(item_id), *self._utterances(item_id))
                yield from (DeleteItem(key) for key in dict.fromkeys(keys))
                yield _relay(relayed.ItemDeleted(item_id))
            case client_events.ItemRetrieve(item_id=item_id):
                item = self._known(item_id, NoItemToRetrieve)
                yield _relay(relayed.Prepared("conversation.item.retrieved", {"item": dict(item)}))
            case client_events.ItemTruncate():
                yield from self._truncate(event)
            case _:
                assert_never(event)

    def announce(self, item_id: str) -> None:
        """The client is told now of an item that it has created."""
        self._unannounced.pop(item_id, None)

    def _known(self, item_id: str, error: type[UnknownItem] = NoItemToReferTo) -> Mapping[str, Any]:
        """An item, also one that the client has just created: many send the next one without waiting. Raises
        `error`."""
        item = self._unannounced.get(item_id) or self._conversation.get(item_id)
        if item is None:
            raise error(f"no item {quoted(item_id)} in the conversation")
        return item

    def _utterances(self, item_id: str) -> list[str]:
        """The items of the core in an item of several utterances."""
        return [user_item(turn) for turn in self._input.turns_of(item_id)]

    def _create_item(self, given: dict[str, Any], previous: str | None) -> Iterator[Received]:
        item = item_of(given)
        item.id = item.id or self._ids.next("item")
        if item.id in self._conversation:
            raise InvalidValue(f"the conversation has an item {quoted(item.id)} already")
        after = "" if previous == "root" else previous
        if after:
            self._known(after)
        key = [self._ids.key(after), *self._utterances(after)][-1] if after else after
        shown = shown_item(item)
        answer = _relay(relayed.ItemCreated(shown, after))
        yield AddItem(message_of(item, self._ids.client_key(item.id)), key)
        self._unannounced[item.id] = shown
        yield answer

    def _truncate(self, event: client_events.ItemTruncate) -> Iterator[Received]:
        turn, message = self._ids.turn_of_reply(event.item_id), self._responses.heard.get(event.item_id)
        if turn is None or message is None:
            raise NoItemToTruncate(f"no item {quoted(event.item_id)} with audio of the assistant")
        audio_ms = event.audio_end_ms
        yield TruncateReply(turn, audio_ms, message.characters_until(audio_ms))
        body = {"item_id": event.item_id, "content_index": event.content_index, "audio_end_ms": audio_ms}
        yield _relay(relayed.Prepared("conversation.item.truncated", body))


def _changes(before: Configure, after: Configure) -> Configure:
    """Only the values that change: a token may fix the others."""
    values = {each.name: getattr(after, each.name) for each in fields(Configure)}
    changed = {name: value for name, value in values.items() if value != getattr(before, name)}
    return Configure(**changed)


def _relay(answer: AnyAnswer) -> Relay:
    """Raises MalformedMessage for numbers that could not be sent back."""
    try:
        return Relay(relayed.encode(answer))
    except OverflowError as error:
        raise MalformedMessage("a number is too large") from error


def _metadata(given: Any) -> Any:
    """The metadata of a response, as far as the protocol allows it."""
    if not isinstance(given, dict):
        return None
    pairs = [(name[:64], value[:512]) for name, value in given.items() if isinstance(value, str)]
    return dict(pairs[:_MAX_METADATA])
