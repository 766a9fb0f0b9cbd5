"""The life of responses: from the request, or the first words of a reply, to `response.done`."""

import base64
from collections.abc import Iterator
from typing import Any

from voicegw.core.events import (
    ClientToolCalled,
    Fault,
    ReplyDelta,
    ReplyDone,
    ReplyNotice,
    ReplyStep,
)
from voicegw.dialects.openai_realtime.audio_formats import OutputConverter
from voicegw.dialects.openai_realtime.conversation import Conversation
from voicegw.dialects.openai_realtime.items import Ids
from voicegw.dialects.openai_realtime.relayed import ResponseRequested
from voicegw.dialects.openai_realtime.response import MessageOutput, Response, usage_of
from voicegw.dialects.openai_realtime.server_events import ServerEvents
from voicegw.dialects.openai_realtime.session_fields import SessionFields
from voicegw.dialects.port import Frame, ReplyAudio
from voicegw.errors import LLMTokenLimit, RateLimited

_MAX_HEARD = 50  # messages whose audio may still be truncated


class Responses:
    """One response at a time. fields: the session, which the caller keeps up to date. heard: the latest
    spoken messages, by id."""

    def __init__(
        self, events: ServerEvents, ids: Ids, conversation: Conversation, fields: SessionFields
    ) -> None:
        self.fields = fields
        self.heard: dict[str, MessageOutput] = {}
        self._events = events
        self._ids = ids
        self._conversation = conversation
        self._converter = OutputConverter()
        self._current: Response | None = None
        self._next: ResponseRequested | None = None  # begins when the current one is over
        self._failure: Fault | None = None

    @property
    def current_id(self) -> str | None:
        """The id of the response in progress."""
        return None if self._current is None else self._current.id

    def request(self, requested: ResponseRequested) -> Iterator[Frame]:
        """The client requested a response, and it was admitted."""
        if self._current is not None:
            self._next = requested
            return
        self._failure = None
        conversation = None if requested.separate else self._ids.conversation
        yield self._begin(Response(self._ids.next("resp"), requested.modality, conversation, requested.shown))

    def fail(self, fault: Fault) -> None:
        """The reply in progress, or the next one, fails for this reason. A rate limit may be that of audio
        instead, so it is the reason only if there is no other."""
        if self._failure is None or fault.code != RateLimited.code:
            self._failure = fault

    def text(self, event: ReplyDelta) -> Iterator[Frame]:
        """More text of the reply."""
        yield from self._ensure(event.turn)
        response = self._expect_current()
        if response.message is None:
            yield from self._begin_message(response, event.turn)
        message = response.message
        assert message is not None, "it was begun"
        message.text += event.text
        kind = "output_audio_transcript" if response.speaks else "output_text"
        yield self._part(response, message, f"{kind}.delta", delta=event.text)

    def audio(self, audio: ReplyAudio) -> Iterator[Frame]:
        """The next audio of the reply."""
        response = self._current
        if response is None or response.turn != audio.turn or response.message is None or not response.speaks:
            return
        response.message.audio_ms += audio.audio_ms
        data = self._converter.convert(audio.data, self.fields.output_format)
        if data:
            delta = base64.b64encode(data).decode()
            yield self._part(response, response.message, "output_audio.delta", delta=delta)

    def step(self, event: ReplyStep) -> Iterator[Frame]:
        """A part of the reply that is no text: only calls of the client's functions are sent."""
        match event.piece:
            case ClientToolCalled():
                yield from self._ensure(event.turn)
                yield from self._call(self._expect_current(), event.piece)
            case ReplyNotice(LLMTokenLimit.code):
                yield from self._ensure(event.turn)
                self._expect_current().cut = True
            case _:
                pass

    def done(self, event: ReplyDone) -> Iterator[Frame]:
        """The reply is over."""
        yield from self._ensure(event.turn)
        response = self._expect_current()
        response.failure, self._failure = self._failure, None
        self._current = None
        complete = response.object(event.reason)["status"] == "completed"
        if response.message is not None:
            yield from self._end_message(response, response.message, complete=complete)
        done = response.object(event.reason, None if event.used is None else usage_of(event.used))
        yield self._events.frame("response.done", response=done)
        if self._next is not None:
            requested, self._next = self._next, None
            yield from self.request(requested)

    def _ensure(self, turn: int) -> Iterator[Frame]:
        """Begins the response to a turn that is answered without a request."""
        if self._current is None:
            modality = self.fields.reply.value
            yield self._begin(Response(self._ids.next("resp"), modality, self._ids.conversation))
        self._expect_current().turn = turn

    def _begin(self, response: Response) -> Frame:
        self._current = response
        self._converter = OutputConverter()
        return self._events.frame("response.created", response=response.object())

    def _expect_current(self) -> Response:
        assert self._current is not None, "a response was begun"
        return self._current

    # --- the message ---

    def _begin_message(self, response: Response, turn: int) -> Iterator[Frame]:
        message = response.message = MessageOutput(self._ids.reply(turn), response.items)
        if response.speaks:
            self.heard[message.id] = message
            while len(self.heard) > _MAX_HEARD:
                del self.heard[next(iter(self.heard))]
        yield from self._begin_item(response, message.index, _message_item(response, message, "in_progress"))
        part = {"type": "audio", "transcript": ""} if response.speaks else {"type": "text", "text": ""}
        yield self._part(response, message, "content_part.added", part=part)

    def _end_message(self, response: Response, message: MessageOutput, *, complete: bool) -> Iterator[Frame]:
        if response.speaks:
            yield self._part(response, message, "output_audio.done")
            yield self._part(response, message, "output_audio_transcript.done", transcript=message.text)
            part = {"type": "audio", "transcript": message.text}
        else:
            yield self._part(response, message, "output_text.done", text=message.text)
            part = {"type": "text", "text": message.text}
        yield self._part(response, message, "content_part.done", part=part)
        status = "completed" if complete else "incomplete"
        yield from self._end_item(response, message.index, _message_item(response, message, status))

    def _part(self, response: Response, message: MessageOutput, kind: str, **fields: Any) -> Frame:
        place = {"response_id": response.id, "item_id": message.id, "output_index": message.index}
        return self._events.frame(f"response.{kind}", **place, content_index=0, **fields)

    # --- function calls ---

    def _call(self, response: Response, call: ClientToolCalled) -> Iterator[Frame]:
        item_id, index = self._ids.next("item"), response.items
        item = {
            "id": item_id,
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "name": call.name,
            "call_id": call.id,
            "arguments": "",
        }
        place = {
            "response_id": response.id,
            "item_id": item_id,
            "output_index": index,
            "call_id": call.id,
        }
        yield from self._begin_item(response, index, item)
        arguments = "response.function_call_arguments"
        yield self._events.frame(f"{arguments}.delta", **place, delta=call.arguments)
        yield self._events.frame(f"{arguments}.done", **place, name=call.name, arguments=call.arguments)
        done = item | {"arguments": call.arguments, "status": "completed"}
        yield from self._end_item(response, index, done)

    # --- items ---

    def _begin_item(self, response: Response, index: int, item: dict[str, Any]) -> Iterator[Frame]:
        response.items += 1
        place = {"response_id": response.id, "output_index": index}
        yield self._events.frame("response.output_item.added", **place, item=item)
        if response.conversation is not None:
            previous = self._conversation.add(item)
            yield self._events.frame("conversation.item.added", item=item, previous_item_id=previous)

    def _end_item(self, response: Response, index: int, item: dict[str, Any]) -> Iterator[Frame]:
        response.output[index] = item
        if response.conversation is not None:
            self._conversation.update(item)
            previous = self._conversation.before(item["id"])
            yield self._events.frame("conversation.item.done", item=item, previous_item_id=previous)
        place = {"response_id": response.id, "output_index": index}
        yield self._events.frame("response.output_item.done", **place, item=item)


def _message_item(response: Response, message: MessageOutput, status: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if status != "in_progress":
        kind, name = ("output_audio", "transcript") if response.speaks else ("output_text", "text")
        content = [{"type": kind, name: message.text}]
    return {
        "id": message.id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }
