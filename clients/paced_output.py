"""Sends reply audio in frames of 20 ms, each when it is due, to a far end that plays it in order.

What was sent cannot be taken back, so only a few frames are sent ahead: enough for a timer that is late, and
so few that a reply stops at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from clients.audio import FRAME_MS, FRAME_S, SAMPLE_BYTES

MAX_WAITING_S = 20.0  # of audio; a server sends far less ahead
LEAD_S = 0.12  # of audio that the far end has ahead
_LATE_S = LEAD_S + 0.1  # frames that are later than this are not caught up with: the schedule begins again


class PacedOutput:
    """An Output (playback.py) of s16le at `rate`. send: sends one frame."""

    def __init__(self, rate: int, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._rate = rate
        self._send = send
        self._frame_bytes = rate * FRAME_MS // 1000 * SAMPLE_BYTES
        self._waiting = bytearray()
        self._sent_frames = 0
        self._paused = False
        self._ready = asyncio.Event()

    def begin(self) -> None:
        """A new reply follows. The end of an earlier one would delay it, and count as a part of it."""
        self._sent_frames = 0
        self.flush()

    def play(self, pcm: bytes) -> None:
        """Appends audio; what is more than MAX_WAITING_S ahead is dropped."""
        room = round(MAX_WAITING_S * self._rate) * SAMPLE_BYTES - len(self._waiting)
        self._waiting += pcm[: max(0, room)]
        self.pause(False)

    def flush(self) -> None:
        """Discards what was not sent."""
        self._waiting.clear()
        self.pause(False)

    def pause(self, paused: bool) -> None:
        """Stops sending, or continues."""
        self._paused = paused
        if self._sends:
            self._ready.set()
        else:
            self._ready.clear()

    @property
    def played_ms(self) -> int:
        """How much of the reply has been sent, and so played."""
        return self._sent_frames * FRAME_MS

    @property
    def _sends(self) -> bool:
        return bool(self._waiting) and not self._paused

    async def run(self) -> None:
        """Sends frames until it is cancelled. The last frame of the waiting audio is filled with silence."""
        due_s = 0.0
        while True:
            await self._ready.wait()
            now = time.monotonic()
            if due_s < now - _LATE_S:
                due_s = now - LEAD_S
            await asyncio.sleep(due_s - now)
            if not self._sends:  # discarded or paused meanwhile
                self._ready.clear()
                continue
            frame = bytes(self._waiting[: self._frame_bytes]).ljust(self._frame_bytes, b"\0")
            del self._waiting[: self._frame_bytes]
            self._sent_frames += 1
            due_s += FRAME_S
            await self._send(frame)
