"""A function of the application as the moderator."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from voicegw.errors import ModerationFailed
from voicegw.reply.functions.application_functions import exits_as_failures, import_function
from voicegw.reply.functions.threads import Threads
from voicegw.reply.moderators.moderation_options import ModerationOptions

_THREADS = 2


class FunctionModerator:
    """Calls the function with the text; it returns the categories that it finds, or nothing. A plain function
    runs in a thread. Raises ConfigurationError when there is no such function.
    """

    def __init__(self, options: ModerationOptions) -> None:
        self.every_characters = options.every_characters
        self._function: Callable[[str], Any] = import_function(options.entry_point or "", "moderation")
        self._timeout_s = options.timeout_ms / 1000
        self._threads = Threads(_THREADS, "moderation")

    async def judge(self, text: str) -> Sequence[str]:
        """The categories that the function returns. Raises ModerationFailed."""
        try:
            with exits_as_failures():
                async with asyncio.timeout(self._timeout_s):
                    found = await self._call(text)
            return [str(category) for category in found or ()]
        except Exception as error:  # noqa: BLE001 - the application's code may raise anything
            raise ModerationFailed(f"no judgement: {type(error).__name__}") from None

    async def _call(self, text: str) -> Any:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(text)
        return await self._threads.run(partial(self._function, text))

    async def close(self) -> None:
        """Does nothing: there are no connections."""
