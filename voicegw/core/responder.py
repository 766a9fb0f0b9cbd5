"""The port through which the session asks a language model for a reply."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.messages import Message, ReplyPiece
from voicegw.core.reply_parameters import NO_PARAMETERS, ReplyParameters


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """The cost of a request to the model that its pieces do not show.

    hidden: characters of reasoning since the previous ModelUsage. tokens: of the whole request with prompt
    and reasoning, as the endpoint counts them; 0 while that is unknown. written: those of the answer.
    """

    hidden: int = 0
    tokens: int = 0
    written: int = 0


class Confirmation(Protocol):
    """An event that is set when the turn of a speculative request is confirmed, such as an
    `asyncio.Event`."""

    async def wait(self) -> object:
        """Returns once it is set."""
        ...


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """A request to a model. tools: the names of the server's tools that it may call; None for all. user,
    session: passed to the tools; empty in development mode, and for requests that no user made."""

    messages: tuple[Message, ...]
    tools: tuple[str, ...] | None = None
    user: str = ""
    session: str = ""
    parameters: ReplyParameters = NO_PARAMETERS


class Responder(Protocol):
    """A source of replies, such as a language model."""

    name: str

    def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply in pieces. Raises a ReplyError. Closing the generator cancels the request.

        The request may start before the confirmation. Tool calls and other actions that cannot be undone
        start only after `confirmed.wait()` has returned.
        """
        ...

    async def prewarm(self, request: ReplyRequest) -> None:
        """Lets the model process the messages with which every later prompt begins. Never raises."""
        ...

    async def close(self) -> None:
        """Releases its connections."""
        ...
