"""Push-to-talk in a terminal. A terminal does not tell when a key is released, so the space bar opens the
microphone and closes it again."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import IO, Self

from clients.errors import AudioError

KEY = b" "


class PushToTalk:
    """A context manager that reads the space bar. Raises AudioError when there is no terminal.

    commit: ends the utterance, without waiting for silence. show: is told whether the microphone is open.
    """

    def __init__(
        self,
        commit: Callable[[], Awaitable[None]],
        show: Callable[[bool], None],
        terminal: IO[str] | None = None,
    ) -> None:
        self._commit = commit
        self._show = show
        self._terminal = terminal or sys.stdin
        self._is_open = False

    def __enter__(self) -> Self:
        if not self._terminal.isatty():
            raise AudioError("push-to-talk needs a terminal for the space bar")
        import termios  # not on Windows
        import tty

        self._file = self._terminal.fileno()
        self._settings = termios.tcgetattr(self._file)
        tty.setcbreak(self._file)  # keys come at once; Ctrl-C still interrupts
        asyncio.get_running_loop().add_reader(self._file, self._read)
        self._show(False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import termios

        asyncio.get_running_loop().remove_reader(self._file)
        termios.tcsetattr(self._file, termios.TCSADRAIN, self._settings)

    def _read(self) -> None:
        pressed = os.read(self._file, 64).count(KEY)
        if pressed % 2:
            self._is_open = not self._is_open
            self._show(self._is_open)

    async def gate(
        self, source: AsyncIterator[tuple[float, bytes]], stop: asyncio.Event
    ) -> AsyncGenerator[tuple[float, bytes], None]:
        """The frames while the microphone is open; ends the utterance when it is closed. Ends when `stop` is
        set, which a consumer that gets no frames cannot notice."""
        was_open = False
        async for due, frame in source:
            if stop.is_set():
                return
            if self._is_open:
                yield due, frame
            elif was_open:
                await self._commit()
            was_open = self._is_open
