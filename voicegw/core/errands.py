"""Errands: tool calls that take long, done in the background while the conversation goes on.

A call is handed in and answered at once with the errand's number; what becomes of it is followed by whoever
holds the session. There are two homes for errands, the process itself (reply/errands.py) and Redis
(cluster/tools/errands.py).
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.events import ToolCalled


@dataclass(frozen=True, slots=True)
class ErrandNews:
    """How an errand gets on: progress, or with `done` its result; `ok` is False when it failed.

    content: text for the model and the client, JSON unless the tool gives plain text.
    """

    content: str
    done: bool = False
    ok: bool = True


class AskedCall(ToolCalled, frozen=True):
    """A call, and for whom it is made, which the server says and no model. user: empty in development."""

    user: str = ""
    session: str = ""

    @classmethod
    def of(cls, call: ToolCalled) -> "AskedCall":
        """The call as one of these; nobody's, if it is not said whose."""
        return call if isinstance(call, cls) else cls(call.id, call.name, call.arguments)

    @property
    def owner(self) -> str:
        """Whose share of what there is the call takes."""
        return self.user or self.session


class Errands(Protocol):
    """Where errands wait for someone to run them."""

    async def submit(self, call: ToolCalled) -> str:
        """Hands a call in and returns the errand's name. Raises ToolFailed when too many wait."""
        ...

    def follow(self, errand: str) -> AsyncGenerator[ErrandNews, None]:
        """Its news as they come, ending with the result; an errand nobody knows has failed."""
        ...

    async def close(self) -> None:
        """Gives up what is still running here."""
        ...
