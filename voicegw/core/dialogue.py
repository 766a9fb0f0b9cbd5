"""The conversation as the language model is shown it, and the port a model is reached through."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

import msgspec

from voicegw.core.events import Message, ReplyNotice, ReplyPiece, ToolAnswered, ToolCalled
from voicegw.core.options import option

SYSTEM_PROMPT = (
    "You are a voice assistant. The user's words come from speech recognition and may contain mistakes; "
    "your answer is heard, not read. Answer in one to three short sentences of plain speech."
)

CHARACTERS_PER_TOKEN = 4  # about, in English

_CUT_OFF = " [cut off]"
_WITHHELD_INPUT = Message("user", "[withheld by moderation]")
_WITHHELD_REPLY = "[stopped by moderation]"
_NEVER_ANSWERED = "interrupted before there was an answer"
_CHARACTERS_BESIDE_TEXT = 16  # what a message costs without any: about four tokens


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What a request to the model costs beside what is seen of it; it is counted and not told.

    hidden: characters of reasoning, since the last of these. tokens: of the whole request, its prompt and its
    reasoning included, as the endpoint counts them; 0 while it has not said.
    """

    hidden: int = 0
    tokens: int = 0


class Confirmation(Protocol):
    """Set once the turn that a reply was started for is certain; an `asyncio.Event` fits."""

    async def wait(self) -> object:
        """Returns when it is set."""
        ...


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """What a model is asked. tools: names of those that it may call; None for all. user, session: for whom,
    which tools are told; empty in development mode, or where nobody has asked."""

    messages: tuple[Message, ...]
    tools: tuple[str, ...] | None = None
    user: str = ""
    session: str = ""


class Responder(Protocol):
    """Writes the assistant's side of a conversation."""

    name: str

    def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply, piece by piece; raises a ReplyError. Closing the generator cancels the request.

        It may run ahead of the confirmation, but calls no tool and does nothing else that cannot be undone
        before `confirmed.wait()` has returned.
        """
        ...

    async def prewarm(self, request: ReplyRequest) -> None:
        """Has the model read the messages, with which every prompt to come begins; never raises."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...


@dataclass(frozen=True, slots=True)
class DialogueOptions:
    """What the language model is told."""

    system_prompt: str = option(SYSTEM_PROMPT, "first message of every prompt")
    history_characters: int = option(
        16_000, "history in a prompt; when it is full, the older half is forgotten", ge=1000, le=1_000_000
    )


class DialogueState(msgspec.Struct, array_like=True):
    """What a dialogue knows, for another process to go on with."""

    history: list[Message]
    news: list[Message]


class Dialogue:
    """History behind a system prompt. It holds what was delivered, not what was generated.

    A prompt is the one before with more at its end, byte for byte, so that a prefix-caching model server has
    read most of it already. Only when the history is full is it cut, in whole turns and down to half, so that
    the prefix is broken seldom.
    """

    def __init__(self, options: DialogueOptions) -> None:
        self.instructions: str | None = None  # the system prompt; None for that of the options
        self._options = options
        self._history: list[Message] = []
        self._news: list[
            Message
        ] = []  # results of background calls, which go in front of the next user message

    def snapshot(self) -> DialogueState:
        """All it knows."""
        return DialogueState(self._history, self._news)

    def restore(self, state: DialogueState) -> None:
        """Goes on where another dialogue was."""
        self._history, self._news = state.history, state.news

    def add_failed(self, said: Sequence[Message]) -> None:
        """What was delivered of a reply that another process had begun."""
        self._history += mark_cut_off(list(said))

    def add_user(self, text: str) -> None:
        """A final transcript or a typed message."""
        self._history += [*self._news, Message("user", text)]
        self._news = []

    def add_result(self, call: ToolCalled, content: str) -> None:
        """The result of a call in the background: the model finds it as one more call with its answer, which
        is something that every endpoint with tools understands."""
        again = msgspec.structs.replace(call, id=_other_id(call.id))
        self._news += [Message("assistant", "", (again,)), Message("tool", content, tool_call_id=again.id)]

    def withhold_input(self, text: str) -> bool:
        """Puts a note in the place of what the user said; whether it has not been answered yet."""
        for place, message in reversed(list(enumerate(self._history))):
            if message.role == "user" and message.content.endswith(text):
                self._history[place] = _WITHHELD_INPUT
                return all(later.role == "user" for later in self._history[place:])
        return False

    def withhold_reply(self, text: str) -> None:
        """Puts a note in the place of what was delivered of a reply, of which `text` was judged: words, or
        what a tool was asked or has answered."""
        self._history = [_without_tool_text(message, text) for message in self._history]
        self._news = [_without_tool_text(message, text) for message in self._news]
        for place, message in reversed(list(enumerate(self._history))):
            delivered = message.content.removesuffix(_CUT_OFF)
            if message.role == "assistant" and delivered and (delivered in text or text in delivered):
                self._history[place] = replace(message, content=_WITHHELD_REPLY)
                return

    def add_reply(self, pieces: Sequence[ReplyPiece], *, cut_off: bool) -> None:
        """What was delivered of a reply, with its tool calls; `cut_off` when the user never got the rest."""
        said = reply_messages(pieces)
        self._history += mark_cut_off(said) if cut_off else said

    @property
    def opening(self) -> tuple[Message, ...]:
        """What every prompt begins with."""
        own = self.instructions
        prompt = self._options.system_prompt if own is None else own
        return (Message("system", prompt),) if prompt else ()

    def prompt(self, provisional: str | None = None) -> tuple[Message, ...]:
        """The messages for the next reply; `provisional` is what the user has probably said."""
        said = () if provisional is None else (Message("user", provisional),)
        characters = characters_of((*self._history, *self._news, *said))
        if characters > self._options.history_characters:
            self._forget(characters - self._options.history_characters // 2)
        return (*self.opening, *self._history, *self._news, *said)

    def _forget(self, excess: int) -> None:
        """Drops the oldest turns, of so many characters or more, but not the newest message. A turn goes up
        to the next user message: an answer of a tool without its call is one that endpoints refuse."""
        count = 0
        while excess > 0 and count < len(self._history) - 1:
            begun, count = count, count + 1
            while count < len(self._history) and self._history[count].role != "user":
                count += 1
            excess -= characters_of(self._history[begun:count])
        del self._history[:count]


def _other_id(call: str) -> str:
    """An id of the same form, as some endpoints are strict about that."""
    return call[:-1] + ("0" if call[-1:] != "0" else "1")


def characters_of(messages: Iterable[Message]) -> int:
    """How long they are for the model: their text, their calls, and a little for each message, so that a
    history of very many short ones ends, too."""
    return sum(
        _CHARACTERS_BESIDE_TEXT + len(each.content) + sum(len(call.arguments) for call in each.tool_calls)
        for each in messages
    )


def _without_tool_text(message: Message, text: str) -> Message:
    if message.role == "tool" and message.content == text:
        return replace(message, content=_WITHHELD_REPLY)
    if any(call.arguments == text for call in message.tool_calls):
        calls = (
            msgspec.structs.replace(call, arguments="{}") if call.arguments == text else call
            for call in message.tool_calls
        )
        return replace(message, tool_calls=tuple(calls))
    return message


def heard_of(pieces: Sequence[ReplyPiece], characters: int) -> list[ReplyPiece]:
    """A reply whose text was heard up to so many characters. What tools did stays: it has happened."""
    heard: list[ReplyPiece] = []
    for piece in pieces:
        if not isinstance(piece, str):
            heard.append(piece)
        elif characters > 0:
            heard.append(piece[:characters])
            characters -= len(piece)
    return heard


def mark_cut_off(said: list[Message]) -> list[Message]:
    """A reply of which the user never got the rest."""
    if not said or said[-1].role != "assistant":
        return said
    return [*said[:-1], replace(said[-1], content=f"{said[-1].content}{_CUT_OFF}")]


def reply_messages(pieces: Sequence[ReplyPiece]) -> list[Message]:
    """A reply as prompt messages: text and the calls behind it are one assistant message, and each call's
    answer is a tool message right behind it, as endpoints insist."""
    answers = {piece.id: piece.content for piece in pieces if isinstance(piece, ToolAnswered)}
    messages: list[Message] = []
    text: list[str] = []  # joined once: a reply may come in very many pieces
    calls: list[ToolCalled] = []
    for piece in pieces:
        match piece:
            case str():
                text.append(piece)
            case ToolCalled():
                calls.append(piece)
            case ToolAnswered() if calls:
                messages += _with_answers(text, calls, answers)
                text, calls = [], []
            case ToolAnswered() | ReplyNotice():
                pass  # of calls that are in already; and what only the user is told
            case _:
                assert_never(piece)
    return [*messages, *_with_answers(text, calls, answers)] if text or calls else messages


def _with_answers(
    text: Sequence[str], calls: Sequence[ToolCalled], answers: Mapping[str, str]
) -> list[Message]:
    answered = (
        Message("tool", answers.get(call.id, _NEVER_ANSWERED), tool_call_id=call.id) for call in calls
    )
    return [Message("assistant", "".join(text), tool_calls=tuple(calls)), *answered]
