"""The conversation as the prompts of the language model contain it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import msgspec

from voicegw.core.client_calls import paired
from voicegw.core.history_length import characters_of, without_old_extra, without_oldest
from voicegw.core.messages import ClientToolCalled, Message, ReplyNotice, ReplyPiece, ToolAnswered, ToolCalled
from voicegw.core.options import option
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_parameters import NO_PARAMETERS, ReplyParameters
from voicegw.core.withheld import WITHHELD_REPLY, without_input, without_tool_text

SYSTEM_PROMPT = (
    "You are a voice assistant. The user's words come from speech recognition and may contain mistakes; "
    "your answer is heard, not read. Answer in one to three short sentences of plain speech."
)

_CUT_OFF = " [cut off]"
_REPLY, _TURN = "reply", "turn"  # begin the ids of replies and of the user's words
_NEVER_ANSWERED = "interrupted before there was an answer"
_RETAINED = 0.5  # of a full history, when it is cut
_ROOM = 0.1  # of its length that items of the client make at once, so that not each of them drops others


@dataclass(frozen=True, slots=True)
class DialogueOptions:
    """The content of prompts, and what the assistant says first."""

    system_prompt: str = option(SYSTEM_PROMPT, "first message of every prompt")
    greeting: str | None = option(
        None, "what the assistant says when a session with spoken replies opens, such as a telephone call"
    )
    history_characters: int = option(
        16_000,
        "length of the history in a prompt; when it is full, its older half is dropped",
        ge=1000,
        le=1_000_000,
    )


class ChatHistoryState(msgspec.Struct, array_like=True):
    """messages: the history, without the system prompt. tool_results: results of background tool calls that
    are inserted before the next user message. rejected_instructions, rejected_tools: those that moderation
    rejected last; of the tools, their declarations."""

    messages: list[Message] = []
    tool_results: list[Message] = []
    rejected_instructions: str | None = None
    rejected_tools: str | None = None


class ChatHistory:
    """The history of a conversation. It contains what was delivered, not what was generated.

    instructions: the system prompt; None for that of the options. Each prompt begins with the whole previous
    prompt, so that a model server with a prefix cache has processed most of it. When the history is full, its
    oldest turns are dropped until the fraction `retained` is left, so that the prefix seldom changes.
    max_characters: at most those of the options.
    """

    def __init__(self, options: DialogueOptions) -> None:
        self.instructions: str | None = None
        self._parameters = NO_PARAMETERS
        self._options = options
        self.state = ChatHistoryState()
        self.retained = _RETAINED
        self.max_characters = options.history_characters
        self._room = 0  # so many characters may be added before the history has to be measured again

    def configure(self, profile: SessionProfile) -> None:
        """Applies the settings of a profile."""
        longest = self._options.history_characters
        self.instructions = profile.instructions
        self._parameters = profile.parameters or NO_PARAMETERS
        self.retained = _RETAINED if profile.retained is None else profile.retained
        self.max_characters = min(profile.history_characters or longest, longest)

    def add_interrupted(self, messages: Sequence[Message]) -> None:
        """Adds the delivered part of a reply that another process began."""
        self._append(mark_cut_off(list(messages)))

    def add_user(self, text: str, turn: int = 0) -> None:
        """Adds a final transcript or a typed message, after the pending tool results."""
        self._add_tool_results()
        self._append([Message("user", text, id=user_item(turn))])

    def _append(self, messages: Sequence[Message]) -> None:
        self._room -= characters_of(messages)
        self.state.messages += messages

    def _add_tool_results(self) -> None:
        """Moves the pending tool results to the end of the history."""
        self._append(self.state.tool_results)
        self.state.tool_results = []

    def insert(self, message: Message, after: str | None) -> None:
        """Adds a message of the client, as AddItem says; at the end if no item has the id `after`. Drops the
        oldest when more is kept than a prompt may contain."""
        if message.role == "user" and after is None:
            self._add_tool_results()
        messages = self.state.messages
        places = (place for place in reversed(range(len(messages))) if messages[place].id == after)
        place = next(places, len(messages) - 1) + 1 if after else len(messages) * (after is None)
        messages.insert(place, message)
        self._room -= characters_of((message,))
        if self._room < 0:
            self._make_room()

    def _make_room(self) -> None:
        """Drops the oldest messages if too much is kept."""
        most = self._options.history_characters
        self._room = most - characters_of(self.state.messages)
        if self._room < 0:
            self.state.messages = without_oldest(self.state.messages, round(most * _ROOM) - self._room)
            self._room = most - characters_of(self.state.messages)

    def delete(self, item: str) -> None:
        """Removes an item, or a tool call with this id and its result."""
        self.state.messages = [
            _without_call(each, item)
            for each in self.state.messages
            if each.id != item and each.tool_call_id != item
        ]

    def truncate(self, item: str, characters: int) -> None:
        """Cuts the text of an item after `characters`."""
        for place, message in enumerate(self.state.messages):
            if message.id == item and characters < len(message.content):
                kept = f"{message.content[:characters].rstrip()}{_CUT_OFF}"
                self.state.messages[place] = replace(message, content=kept)

    def add_result(self, call: ToolCalled, content: str) -> None:
        """Adds the result of a background tool call, as a second call with an answer: every endpoint with
        tools accepts that."""
        again = msgspec.structs.replace(call, id=_other_id(call.id))
        self.state.tool_results += [
            Message("assistant", "", (again,)),
            Message("tool", content, tool_call_id=again.id),
        ]

    def withhold_input(self, text: str) -> bool:
        """Replaces a text of the user, or of any message of the client, by a note. Returns whether it has no
        reply yet. In place of rejected instructions, those of the options count; rejected tools are left
        out."""
        unanswered = False
        if self.instructions == text:
            self.state.rejected_instructions, unanswered = text, True
        if self._parameters.declarations == text:
            self.state.rejected_tools, unanswered = text, True
        for place, message in reversed(list(enumerate(self.state.messages))):
            withheld = message if is_reply(message) else without_input(message, text)
            if withheld is not message:
                self.state.messages[place] = withheld
                later = self.state.messages[place + 1 :]
                return unanswered or all(each.role == "user" or is_item_of_client(each) for each in later)
        return unanswered

    def withhold_reply(self, text: str) -> None:
        """Replaces the delivered part of a reply by a note. text: the rejected text, a part of the reply or
        the arguments or the result of a tool call."""
        self.state.messages = [without_tool_text(message, text) for message in self.state.messages]
        self.state.tool_results = [without_tool_text(message, text) for message in self.state.tool_results]
        for place, message in reversed(list(enumerate(self.state.messages))):
            delivered = message.content.removesuffix(_CUT_OFF)
            if message.role == "assistant" and delivered and (delivered in text or text in delivered):
                self.state.messages[place] = replace(message, content=WITHHELD_REPLY)
                return

    def add_reply(self, pieces: Sequence[ReplyPiece], turn: int = 0, *, cut_off: bool) -> None:
        """Adds the delivered part of the reply to `turn`, with its tool calls. cut_off: the rest was not
        delivered."""
        messages = [replace(message, id=reply_item(turn)) for message in reply_messages(pieces)]
        self._append(mark_cut_off(messages) if cut_off else messages)

    @property
    def prefix(self) -> tuple[Message, ...]:
        """The messages with which every prompt begins."""
        return self.prefix_of(self.instructions)

    def prefix_of(self, instructions: str | None) -> tuple[Message, ...]:
        """The first messages of a prompt with these instructions; None, or rejected ones, for those of the
        options."""
        if instructions is None or instructions == self.state.rejected_instructions:
            instructions = self._options.system_prompt
        return (Message("system", instructions),) if instructions else ()

    def parameters_of(self, given: ReplyParameters | None) -> ReplyParameters:
        """The parameters of a request; None for those of the session. Rejected tools are left out."""
        parameters = self._parameters if given is None else given
        if parameters.declarations != self.state.rejected_tools:
            return parameters
        return msgspec.structs.replace(parameters, tools=(), tool_choice="", function="")

    def prompt(self, provisional: str | None = None) -> tuple[Message, ...]:
        """The messages of the next request. provisional: a transcript that is probably the next user
        message."""
        expected = () if provisional is None else (Message("user", provisional),)
        return (*self.prefix, *self.conversation(expected))

    def conversation(self, expected: tuple[Message, ...] = ()) -> tuple[Message, ...]:
        """The messages of a prompt after its prefix. expected: what follows them in the prompt."""
        self._drop_old_extra()
        characters = characters_of((*self.state.messages, *self.state.tool_results, *expected))
        if characters > self.max_characters:
            excess = characters - round(self.max_characters * self.retained)
            self.state.messages = without_oldest(self.state.messages, excess, turn_follows=bool(expected))
        messages = (*paired((*self.state.messages, *self.state.tool_results)), *expected)
        return tuple(without_old_extra(messages))

    def _drop_old_extra(self) -> None:
        end = len(self.state.messages)
        kept = without_old_extra((*self.state.messages, *self.state.tool_results))
        self.state.messages, self.state.tool_results = kept[:end], kept[end:]


def user_item(turn: int) -> str:
    """The id of the item with the user's words of a turn."""
    return f"{_TURN} {turn}"


def reply_item(turn: int) -> str:
    """The id of the item with the reply to a turn."""
    return f"{_REPLY} {turn}"


def is_reply(message: Message) -> bool:
    """Whether the message is a part of a reply. The client may write messages of any role."""
    return message.id.startswith(_REPLY)


def is_item_of_client(message: Message) -> bool:
    """Whether the client has added the message by an AddItem, whatever its role."""
    return bool(message.id) and not message.id.startswith((_REPLY, _TURN))


def _without_call(message: Message, call: str) -> Message:
    kept = tuple(each for each in message.tool_calls if each.id != call)
    return message if len(kept) == len(message.tool_calls) else replace(message, tool_calls=kept)


def _other_id(call: str) -> str:
    """Another id of the same form, because some endpoints check the form."""
    return call[:-1] + ("0" if call[-1:] != "0" else "1")


def heard_part(pieces: Sequence[ReplyPiece], characters: int) -> list[ReplyPiece]:
    """The first `characters` of a reply's text, with all its tool calls, because those have been executed."""
    heard: list[ReplyPiece] = []
    for piece in pieces:
        if not isinstance(piece, str):
            heard.append(piece)
        elif characters > 0:
            heard.append(piece[:characters])
            characters -= len(piece)
    return heard


def mark_cut_off(messages: list[Message]) -> list[Message]:
    """Marks a reply as incomplete: the rest was not delivered."""
    if not messages or messages[-1].role != "assistant":
        return messages
    return [*messages[:-1], replace(messages[-1], content=f"{messages[-1].content}{_CUT_OFF}")]


def reply_messages(pieces: Sequence[ReplyPiece]) -> list[Message]:
    """A reply as prompt messages. A text and the calls after it are one assistant message, followed by one
    tool message for each call, as endpoints require."""
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
                pass  # its call is already included; a notice is only for the user
            case _:
                assert_never(piece)
    return [*messages, *_with_answers(text, calls, answers)] if text or calls else messages


def _with_answers(
    text: Sequence[str], calls: Sequence[ToolCalled], answers: Mapping[str, str]
) -> list[Message]:
    answered = (
        Message("tool", answers.get(call.id, _NEVER_ANSWERED), tool_call_id=call.id)
        for call in calls
        if not isinstance(call, ClientToolCalled)
    )
    return [Message("assistant", "".join(text), tool_calls=tuple(calls)), *answered]
