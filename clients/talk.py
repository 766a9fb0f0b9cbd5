"""Sends a source of audio and receives messages at the same time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from voicegw.dialects import native


class Session(Protocol):
    """The part of a client that `talk` uses."""

    async def send_audio(self, frame: bytes) -> None: ...
    async def end(self) -> None: ...
    def __aiter__(self) -> AsyncIterator[native.ServerMessage]: ...


async def talk(
    session: Session,
    source: AsyncIterator[tuple[float, bytes]],
    show: Callable[[native.ServerMessage], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Send the source until it is exhausted or `stop` is set, then end the session and wait until the
    server has finished it; every message goes to `show` as it arrives.

    When the source fails, the session is ended in the same way, and the error of the source is raised. Raises
    ConnectionLost when the server does not finish the session.
    """
    sender = asyncio.create_task(_send(session, source, stop), name="sender")
    try:
        async for message in session:
            show(message)
        await sender
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _send(
    session: Session, source: AsyncIterator[tuple[float, bytes]], stop: asyncio.Event | None
) -> None:
    try:
        async for _due, frame in source:
            await session.send_audio(frame)
            if stop is not None and stop.is_set():
                break
    finally:
        await session.end()
