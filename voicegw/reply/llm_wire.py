"""Chat completions on the wire: messages as an endpoint knows them, and what its fragments add up to."""

import codecs
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from voicegw.core.events import Message, ToolCalled


class Function(msgspec.Struct):
    """A piece of a called function's name and of its arguments."""

    name: str | None = None
    arguments: str | None = None


class CallFragment(msgspec.Struct):
    """A piece of a tool call. index, id: which call it belongs to, as far as the endpoint says."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Delta(msgspec.Struct):
    """What a chunk adds to the reply."""

    content: str | None = None
    tool_calls: tuple[CallFragment, ...] | None = None


class Choice(msgspec.Struct):
    """One of the replies in a chunk; we ask for one. finish_reason: anything but None ends the reply."""

    delta: Delta | None = None
    finish_reason: object = None


class Chunk(msgspec.Struct):
    """One event of a streamed completion, as far as it matters here: a type of our own is a tenth of the work
    of the library's. Endpoints leave out, or set to null, whatever they like."""

    choices: tuple[Choice, ...] | None = None


def entry(message: Message) -> dict[str, object]:
    """The message as the endpoint knows it."""
    entry: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        entry["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _object(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        entry["tool_call_id"] = message.tool_call_id
    return entry


def _object(arguments: str) -> str:
    """The arguments as the model wrote them, or an empty object when they are none: some endpoints read them
    to write their prompt, and would refuse all that follows in this conversation."""
    try:
        return arguments if isinstance(msgspec.json.decode(arguments), dict) else "{}"
    except (msgspec.DecodeError, RecursionError):
        return "{}"


class Text:
    """The text of a reply, as its fragments come."""

    def __init__(self) -> None:
        self._joined = codecs.getincrementaldecoder("utf-16-le")("replace")

    def receive(self, choice: Choice) -> str:
        """The choice's text. An endpoint that cuts an emoji into two JSON escapes sends half a surrogate
        pair, which no one could encode again: it is kept until its other half is here."""
        content = choice.delta.content if choice.delta else None
        return self._joined.decode((content or "").encode("utf-16-le", "surrogatepass"))


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
            ToolCalled(call.id or f"call_{secrets.token_hex(6)}", call.name, call.arguments)
            for call in self._calls
        ]
