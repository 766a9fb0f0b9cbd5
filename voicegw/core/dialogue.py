"""The conversation as the language model is shown it, and the port a model is reached through."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.events import Message
from voicegw.core.options import option

SYSTEM_PROMPT = (
    "You are a voice assistant. The user's words come from speech recognition and may contain mistakes; "
    "your answer is heard, not read. Answer in one to three short sentences of plain speech."
)


class Responder(Protocol):
    """Writes the assistant's side of a conversation."""

    name: str

    def respond(self, messages: tuple[Message, ...]) -> AsyncGenerator[str, None]:
        """The reply, piece by piece; raises a ReplyError. Closing the generator cancels the request."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...


@dataclass(frozen=True, slots=True)
class DialogueOptions:
    """What the language model is told."""

    system_prompt: str = option(SYSTEM_PROMPT, "first message of every prompt")
    history_characters: int = option(16_000, "history kept in a prompt", ge=1000, le=1_000_000)


class Dialogue:
    """History with a system prompt first, cut in whole turns so that its prefix stays the same for a
    prefix-caching model server. It holds what was delivered, not what was generated."""

    def __init__(self, options: DialogueOptions) -> None:
        self._options = options
        self._history: list[Message] = []

    def add_user(self, text: str) -> None:
        """A final transcript or a typed message."""
        self._history.append(Message("user", text))

    def add_assistant(self, text: str, *, cut_off: bool) -> None:
        """What was delivered of a reply; `cut_off` when the user never got the rest of it."""
        if text:
            self._history.append(Message("assistant", f"{text} [cut off]" if cut_off else text))

    def prompt(self) -> tuple[Message, ...]:
        """The messages for the next reply."""
        while self._characters() > self._options.history_characters and len(self._history) > 1:
            self._forget_turn()
        system = [Message("system", self._options.system_prompt)] if self._options.system_prompt else []
        return (*system, *self._history)

    def _characters(self) -> int:
        return sum(len(message.content) for message in self._history)

    def _forget_turn(self) -> None:
        """Drops the oldest message and what followed it up to the next user message."""
        del self._history[0]
        while len(self._history) > 1 and self._history[0].role != "user":
            del self._history[0]
