"""Streams tracks to a server in real time, at the same time, and records the results.

Open-loop: the frames of a track are sent on schedule even if the server is slow. All speakers share one
event loop, apart from the server's process; how late the loop was is part of the result.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from benchmarks.peers.dialect import Dialect
from benchmarks.recording import Update
from benchmarks.tracks import Track
from clients.audio import FRAME_MS, frames, paced
from clients.errors import ClientError
from voicegw.core.audio import SAMPLE_RATE

OPEN_S = 60.0  # for the upgrade and the server's greeting; some load a model first
SEND_S = 30.0  # for a frame to be taken; a server that reads nothing for so long is lost
SETTLE_S = 3.0  # after the last frame, for what is still to come
STAGGER_S = 0.25  # starts are spread over one interval between partials, as unrelated speakers' would be


class Refused(ClientError):
    """A session could not be opened or did not last."""


@dataclass(frozen=True)
class PlayedSession:
    """A session: when its first frame was scheduled, and the results that the dialect decoded."""

    track: Track
    begin_s: float
    latest_send_s: float
    parts: tuple[tuple[Update, ...], ...]
    problems: tuple[str, ...]

    def scheduled_s(self, at_ms: int) -> float:
        """S(x): when the frame that holds this audio time was due to be sent."""
        return self.begin_s + at_ms // FRAME_MS * FRAME_MS / 1000


async def play(url: str, dialect: Callable[[], Dialect], tracks: Sequence[Track]) -> list[PlayedSession]:
    """A session for each track, begun when all are open. Raises Refused when one cannot be held."""
    opened = asyncio.Barrier(len(tracks))
    try:
        async with asyncio.TaskGroup() as group:
            speakers = [
                group.create_task(_speak(url, dialect(), track, opened, STAGGER_S * number / len(tracks)))
                for number, track in enumerate(tracks)
            ]
    except* (ClientError, OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as failed:
        first = failed.exceptions[0]
        raise Refused(f"{type(first).__name__}: {first}") from first
    return [speaker.result() for speaker in speakers]


async def _speak(
    url: str, dialect: Dialect, track: Track, opened: asyncio.Barrier, delay_s: float
) -> PlayedSession:
    async with connect(
        url, open_timeout=OPEN_S, ping_interval=None, max_size=None, compression=None, proxy=None
    ) as socket:
        started = asyncio.Event()
        reader = asyncio.create_task(_read(socket, dialect, started))
        try:
            for message in dialect.opening():
                await socket.send(message)
            await asyncio.wait_for(started.wait(), OPEN_S)
            if not dialect.is_ready:
                raise Refused("; ".join(dialect.problems))
            await opened.wait()
            await asyncio.sleep(delay_s)
            begin_s, latest_send_s = await _send(socket, dialect, track)
            for message in dialect.closing():
                await socket.send(message)
            await asyncio.wait({reader}, timeout=SETTLE_S)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
    parts = tuple(tuple(updates) for _, updates in sorted(dialect.parts.items()) if updates)
    return PlayedSession(track, begin_s, latest_send_s, parts, tuple(dialect.problems))


async def _send(socket: ClientConnection, dialect: Dialect, track: Track) -> tuple[float, float]:
    """When the first frame was due, and how late the latest one went out, in seconds."""
    begin_s, latest_send_s = 0.0, 0.0
    async for due, pcm in paced(frames(track.pcm, SAMPLE_RATE)):
        begin_s = begin_s or due
        latest_send_s = max(latest_send_s, time.monotonic() - due)
        async with asyncio.timeout(SEND_S):
            await socket.send(dialect.frame(pcm))
    return begin_s, latest_send_s


async def _read(socket: ClientConnection, dialect: Dialect, started: asyncio.Event) -> None:
    """Until the session is over. `started` is set as well when it ends before a greeting."""
    try:
        while not dialect.is_over:
            data = await socket.recv()
            dialect.receive(time.monotonic(), data)
            if dialect.is_ready:
                started.set()
    except ConnectionClosed:
        dialect.is_over = True
    if not started.is_set():
        dialect.problems.append("closed before it began")
        started.set()
