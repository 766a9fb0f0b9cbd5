"""Both directions of a session at once: a source of audio goes in while messages come out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from voicegw.dialects import native


class Session(Protocol):
    """What `talk` needs of a client."""

    async def send_audio(self, frame: bytes) -> None: ...
    async def end(self) -> None: ...
    def __aiter__(self) -> AsyncIterator[native.ServerMessage]: ...


async def talk(
    session: Session,
    source: AsyncIterator[tuple[float, bytes]],
    show: Callable[[native.ServerMessage], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Send the source until it is exhausted or `stop` is set, then end the session and wait until it has
    settled; every message goes to `show` as it comes.

    A source that fails still ends the session, so that what was said before is settled; then its error is
    raised. Raises ConnectionLost when the server does not get so far.
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
