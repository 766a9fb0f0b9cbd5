"""Background calls: tool calls that take long and are executed while the dialogue continues.

A call is submitted and answered at once with the id of the background call; the gateway that owns the session
follows its progress. There are two implementations: in the same process
(reply/tools/local_background_calls.py), and over Redis (cluster/tools/remote_background_calls.py).
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.events import ToolCalled


@dataclass(frozen=True, slots=True)
class CallProgress:
    """An update of a background call: progress, or if `done` its result; `ok` is False when it failed.

    content: text for the model and the client; JSON unless the tool returns plain text.
    """

    content: str
    done: bool = False
    ok: bool = True


class AskedCall(ToolCalled, frozen=True):
    """A call with the user and the session that made it, which the server sets, not the model. user: empty in
    development mode."""

    user: str = ""
    session: str = ""

    @classmethod
    def of(cls, call: ToolCalled) -> "AskedCall":
        """The call as an AskedCall; without user and session if it is a plain ToolCalled."""
        return call if isinstance(call, cls) else cls(call.id, call.name, call.arguments)

    @property
    def owner(self) -> str:
        """The user, or else the session, whose quota the call uses."""
        return self.user or self.session


class BackgroundCalls(Protocol):
    """Executes background calls."""

    async def submit(self, call: ToolCalled) -> str:
        """Submits a call and returns the id of the background call. Raises ToolFailed when too many are
        queued."""
        ...

    def follow(self, background_call: str) -> AsyncGenerator[CallProgress, None]:
        """Its updates as they occur, the last one with its result. An unknown background call has failed."""
        ...

    async def close(self) -> None:
        """Cancels the calls that run in this process."""
        ...
