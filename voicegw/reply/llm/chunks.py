"""The chunks of a streamed chat completion, and the text and the tool calls that they form together."""

import codecs
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from voicegw.core.events import ToolCalled
from voicegw.core.text import encodable

MAX_EXTRA_CHARACTERS = 8000  # of a call; a signature of Gemini has up to some thousands
_MAX_TOKENS = 100_000_000  # a report of more tokens for one request is taken for an error


class Function(msgspec.Struct):
    """A fragment of a function's name and of its arguments."""

    name: str | None = None
    arguments: str | None = None


class CallFragment(msgspec.Struct):
    """A fragment of a tool call. index, id: the call that it belongs to, where the endpoint says so.
    extra_content: what Gemini wants back with the call: without it, it refuses the call's result."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: object = None


class Part(msgspec.Struct):
    """An item of a `content` list: some models put reasoning and answer into different parts."""

    type: str
    text: str | None = None


class Delta(msgspec.Struct):
    """What a chunk adds to the reply. reasoning_content and the fields below it: the names that endpoints use
    for reasoning, as text or in their own structures."""

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
        """The text for the user; a refusal is an answer, too."""
        if isinstance(self.content, tuple):
            content = "".join(part.text or "" for part in self.content if part.type == "text")
        else:
            content = self.content or ""
        return content + (self.refusal or "")

    @property
    def reasoning_characters(self) -> int:
        """Length of the reasoning, where it is text. Endpoints may repeat the same text in several fields."""
        plain = (self.reasoning_content, self.reasoning, self.thinking)
        parts = self.content if isinstance(self.content, tuple) else ()
        in_parts = sum(len(part.text or "") for part in parts if part.type != "text")
        return in_parts + max(len(each) if isinstance(each, str) else 0 for each in plain)

    @property
    def has_reasoning(self) -> bool:
        """Whether it adds reasoning that the endpoint itself separates from the text."""
        parts = self.content if isinstance(self.content, tuple) else ()
        in_parts = any(part.type != "text" for part in parts)
        plain = self.reasoning_content or self.reasoning or self.thinking
        return bool(plain or self.reasoning_details or self.thinking_blocks or in_parts)


class Choice(msgspec.Struct):
    """One of the replies in a chunk; we request one, and read the first. finish_reason: any value but null
    and the empty string ends the reply."""

    index: int | None = None
    delta: Delta | None = None
    finish_reason: object = None

    @property
    def has_content(self) -> bool:
        """Whether the model wrote anything: text, reasoning or a tool call."""
        delta = self.delta
        return delta is not None and bool(delta.text or delta.has_reasoning or delta.tool_calls)


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class Chunk(msgspec.Struct):
    """One event of a streamed completion, with the fields that are used here: decoding this type takes a
    tenth of the time of the library's type. Endpoints may leave out any field, or set it to null.

    object, message: some endpoints report an error in the middle of a stream in these. usage: tokens, in the
    last event.
    """

    choices: tuple[Choice, ...] | None = None
    object: str | None = None
    message: str | None = None
    usage: Any = None

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens that the request has used, and those of them that the model has written; 0 if unknown. Some
        endpoints count reasoning in the total only."""
        try:
            usage = msgspec.convert(self.usage, _Usage)
        except msgspec.ValidationError:
            return 0, 0
        prompt, written = usage.prompt_tokens or 0, usage.completion_tokens or 0
        counts = prompt + written, usage.total_tokens or 0
        known = min(prompt, written, *counts) >= 0 and max(counts) <= _MAX_TOKENS
        return (max(counts), max(counts) - prompt) if known else (0, 0)

    @property
    def first(self) -> Choice | None:
        """The choice that we read, if the chunk has one."""
        return next((choice for choice in self.choices or () if not choice.index), None)


class Text:
    """Joins halves of surrogate pairs in the text of one reply."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def receive(self, text: str) -> str:
        """The text in whole characters. An endpoint that cuts an emoji into two JSON escapes sends half a
        surrogate pair, which cannot be encoded: it is kept until the other half arrives."""
        return self._decoder.decode(text.encode("utf-16-le", "surrogatepass"))


@dataclass(slots=True)
class _Call:
    """A call, as far as its fragments have arrived."""

    index: int | None
    id: str
    name: str = ""
    arguments: str = ""
    extra: object = None

    @property
    def may_be_complete(self) -> bool:
        """Whether a further name begins another call. Before the arguments of a call with a number or an id,
        it is the next piece of the same name."""
        numbered = self.index is not None or self.id
        return bool(self.name) and (is_json_object(self.arguments) or not (self.arguments or numbered))


class ToolCallDeltas:
    """Joins the fragments of the tool calls in one completion.

    Some endpoints number the calls; some give each the number 0 and different ids; some give no ids, or
    neither ids nor numbers.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def receive(self, fragments: Sequence[CallFragment]) -> None:
        """The fragments of one chunk."""
        for fragment in fragments:
            call = self._call(fragment)
            call.extra = fragment.extra_content or call.extra
            if fragment.function is not None:
                call.name += fragment.function.name or ""
                call.arguments += fragment.function.arguments or ""

    def _call(self, fragment: CallFragment) -> _Call:
        """The call of a fragment: the last one with its number, unless the ids differ; without a number and
        an id, the last one. Without an id, a name begins another call if that one may be complete."""
        index, id_ = fragment.index, fragment.id or ""
        for call in reversed(self._calls):
            if (index is None and not id_) or (call.index == index and id_ in ("", call.id)):
                named = fragment.function is not None and fragment.function.name
                if not id_ and named and call.may_be_complete:
                    break
                return call
        self._calls.append(_Call(index, id_))
        return self._calls[-1]

    def calls(self) -> list[ToolCalled]:
        """The complete calls, each with an id; without a name, a call cannot be made."""
        return [
            ToolCalled(
                *(encodable(call.id) or f"call_{secrets.token_hex(6)}", encodable(call.name)),
                encodable(call.arguments),
                extra=_extra(call.extra),
            )
            for call in self._calls
            if call.name
        ]


def _extra(content: object) -> str:
    """Extra content of a call as JSON, unless it is too long to be kept in the history."""
    extra = encodable(json.dumps(content, ensure_ascii=False)) if content else ""
    return extra if len(extra) <= MAX_EXTRA_CHARACTERS else ""


def is_json_object(arguments: str) -> bool:
    """Whether the arguments of a call are a complete JSON object."""
    try:
        return isinstance(msgspec.json.decode(encodable(arguments)), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
