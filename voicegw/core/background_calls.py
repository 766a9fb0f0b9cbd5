"""Background calls: tool calls that take long, done in the background while the conversation goes on.

A call is handed in and answered at once with the background call's number; what becomes of it is followed by
whoever holds the session. There are two homes for background calls, the process itself
(reply/tools/local_background_calls.py) and Redis (cluster/tools/remote_background_calls.py).
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.events import ToolCalled


@dataclass(frozen=True, slots=True)
class CallProgress:
    """How a background call gets on: progress, or with `done` its result; `ok` is False when it failed.

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


class BackgroundCalls(Protocol):
    """Where background calls wait for someone to run them."""

    async def submit(self, call: ToolCalled) -> str:
        """Hands a call in and returns the background call's name. Raises ToolFailed when too many wait."""
        ...

    def follow(self, background_call: str) -> AsyncGenerator[CallProgress, None]:
        """Its news as they come, ending with the result; a background call nobody knows has failed."""
        ...

    async def close(self) -> None:
        """Gives up what is still running here."""
        ...
