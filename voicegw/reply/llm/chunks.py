"""The chunks of a streamed chat completion, and the text and tool calls that they add up to."""

import codecs
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from voicegw.core.events import ToolCalled
from voicegw.core.text import encodable

_MOST_TOKENS = 100_000_000  # that an endpoint is believed to have used for one request


class Function(msgspec.Struct):
    """A piece of a called function's name and of its arguments."""

    name: str | None = None
    arguments: str | None = None


class CallFragment(msgspec.Struct):
    """A piece of a tool call. index, id: which call it belongs to, as far as the endpoint says."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Part(msgspec.Struct):
    """A part of a content that is a list, as of models that reason in one part and answer in another."""

    type: str
    text: str | None = None


class Delta(msgspec.Struct):
    """What a chunk adds to the reply. reasoning_content and those below: the names under which endpoints
    send reasoning, as text or in structures of their own."""

    content: str | tuple[Part, ...] | None = None
    refusal: str | None = None
    tool_calls: tuple[CallFragment, ...] | None = None
    reasoning_content: object = None
    reasoning: object = None
    reasoning_details: object = None
    thinking: object = None
    thinking_blocks: object = None

    @property
    def text(self) -> str:
        """What is for the user: a refusal is an answer, too."""
        if isinstance(self.content, tuple):
            content = "".join(part.text or "" for part in self.content if part.type == "text")
        else:
            content = self.content or ""
        return content + (self.refusal or "")

    @property
    def hidden(self) -> int:
        """Characters of the reasoning, where it is text; endpoints send the same under several names."""
        plain = (self.reasoning_content, self.reasoning, self.thinking)
        parts = self.content if isinstance(self.content, tuple) else ()
        beside = sum(len(part.text or "") for part in parts if part.type != "text")
        return beside + max(len(each) if isinstance(each, str) else 0 for each in plain)

    @property
    def reasons(self) -> bool:
        """Whether it adds reasoning, told apart from the text by the endpoint."""
        parts = self.content if isinstance(self.content, tuple) else ()
        beside = any(part.type != "text" for part in parts)
        plain = self.reasoning_content or self.reasoning or self.thinking
        return bool(plain or self.reasoning_details or self.thinking_blocks or beside)


class Choice(msgspec.Struct):
    """One of the replies in a chunk; we ask for one, and read the first. finish_reason: anything but nothing
    ends the reply."""

    index: int | None = None
    delta: Delta | None = None
    finish_reason: object = None

    @property
    def alive(self) -> bool:
        """Whether the model has written anything, be it for the user or not."""
        delta = self.delta
        return delta is not None and bool(delta.text or delta.reasons or delta.tool_calls)


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class Chunk(msgspec.Struct):
    """One event of a streamed completion, as far as it matters here: a type of our own is a tenth of the work
    of the library's. Endpoints leave out, or set to null, whatever they like.

    object, message: some report an error in the middle of a stream so. usage: tokens, in the last event.
    """

    choices: tuple[Choice, ...] | None = None
    object: str | None = None
    message: str | None = None
    usage: Any = None

    @property
    def tokens(self) -> int:
        """What the request has used so far, if it is said: with some, reasoning is in the total only."""
        try:
            usage = msgspec.convert(self.usage, _Usage)
        except msgspec.ValidationError:
            return 0
        told = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0), usage.total_tokens or 0
        return max(told) if min(told) >= 0 and max(told) <= _MOST_TOKENS else 0

    @property
    def first(self) -> Choice | None:
        """What it adds to the reply that we read."""
        return next((choice for choice in self.choices or () if not choice.index), None)


class Text:
    """The text of a reply, as its fragments come."""

    def __init__(self) -> None:
        self._joined = codecs.getincrementaldecoder("utf-16-le")("replace")

    def receive(self, text: str) -> str:
        """The text with its characters whole. An endpoint that cuts an emoji into two JSON escapes sends half
        a surrogate pair, which no one could encode again: it is kept until its other half is here."""
        return self._joined.decode(text.encode("utf-16-le", "surrogatepass"))


@dataclass(slots=True)
class _Call:
    """A call as far as it has come."""

    index: int | None
    id: str
    name: str = ""
    arguments: str = ""


class ToolCallDeltas:
    """Puts the calls of one completion together.

    Endpoints differ: some number the calls, some give each the number 0 and tell them apart by their ids,
    some give no ids at all.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def receive(self, fragments: Sequence[CallFragment]) -> None:
        """The fragments of one chunk."""
        for fragment in fragments:
            call = self._call(fragment.index, fragment.id or "")
            if fragment.function is not None:
                call.name += fragment.function.name or ""
                call.arguments += fragment.function.arguments or ""

    def _call(self, index: int | None, id_: str) -> _Call:
        """The call a fragment belongs to: the last one with its number, unless it goes by another id."""
        for call in reversed(self._calls):
            if call.index == index and id_ in ("", call.id):
                return call
        self._calls.append(_Call(index, id_))
        return self._calls[-1]

    def calls(self) -> list[ToolCalled]:
        """The calls, complete, each with an id."""
        return [
            ToolCalled(
                *(encodable(call.id) or f"call_{secrets.token_hex(6)}", encodable(call.name)),
                encodable(call.arguments),
            )
            for call in self._calls
        ]
