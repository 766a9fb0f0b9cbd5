"""The port through which the session asks a language model for a reply."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.events import Message, ReplyPiece


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
