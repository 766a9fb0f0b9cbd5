"""The parts of prompts and replies."""

from dataclasses import dataclass, field

from voicegw.core.tagged_struct import TaggedStruct


class _Extended(TaggedStruct, frozen=True, kw_only=True):
    """extra: a JSON object that the model's endpoint wants back with the call; empty if there is none. As a
    keyword it is encoded behind the fields of all subclasses, so that other versions find those in their
    places."""

    extra: str = ""


class ToolCalled(_Extended, frozen=True):
    """The model calls a tool. arguments: a JSON object, as the model wrote it. id: also in the answer."""

    id: str
    name: str
    arguments: str


class ClientToolCalled(ToolCalled, frozen=True):
    """The model calls a tool that the client carries out. The answer is an item that the client adds."""


class ToolAnswered(TaggedStruct, frozen=True):
    """The answer of a tool; if `ok` is false, `content` is the reason of the failure.

    background_call: set when the call continues in the background and this answer only says so
    (background_calls.py).
    """

    id: str
    name: str
    content: str
    ok: bool
    background_call: str = ""


class ReplyNotice(TaggedStruct, frozen=True):
    """An error that did not end the reply: its code, the mitigation, and whether that is another request."""

    code: str
    mitigation: str
    asks_again: bool = False


class TokenUsage(TaggedStruct, frozen=True):
    """The tokens of the requests for one reply, as the endpoint counts them. written: by the model, with
    reasoning."""

    prompt: int = 0
    written: int = 0


ReplyStepPiece = ToolCalled | ClientToolCalled | ToolAnswered | ReplyNotice
ReplyPiece = str | ReplyStepPiece  # str: text for the user


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the prompt for a language model.

    role: system, user, assistant or tool. tool_calls: what an assistant message calls.
    tool_call_id: the call that a tool message answers. id: of the item of the conversation that it is a part
    of; not sent to models.
    """

    role: str
    content: str
    tool_calls: tuple[ToolCalled | ClientToolCalled, ...] = ()
    tool_call_id: str = ""
    id: str = field(default="", compare=False)
