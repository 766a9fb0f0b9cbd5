"""Conducts a call: sends the caller's packets in real time, plays what the server sends, reports marks.

The schedule is open-loop, as that of a telephone: a packet is due when its last sample was spoken, however
slow the server is.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from clients.audio import FRAME_S, SAMPLE_BYTES
from clients.calls.caller import Caller, Line, Said
from clients.calls.carrier import Carrier, Clear, Connection, Mark, Play
from clients.calls.impairment import Impairment
from clients.calls.playout import Playout
from clients.errors import ConnectionLost

_MARKS_S = 0.02  # how often playback is checked for marks, about as often as a carrier does
_HANG_UP_S = 5.0  # for the server to close the connection


@dataclass(frozen=True)
class CallRecord:
    """A call that was completed. late_ms: the worst lateness of a packet at the simulator itself. drops: the
    carrier can drop audio that waits."""

    caller: bytes
    rate: int
    said: Sequence[Said]
    playout: Playout
    late_ms: float
    drops: bool = True


class Call:
    """One call of a carrier."""

    def __init__(self, carrier: Carrier, lines: Sequence[Line], impairment: Impairment) -> None:
        self._carrier = carrier
        self._impairment = impairment
        self._return_path = Impairment(impairment.jitter_ms)
        self._begin = 0.0
        self._late_s = 0.0
        self._playout = Playout(carrier.rate, self._elapsed)
        self._caller = Caller(lines, self._playout, carrier.rate)

    async def run(self, url: str, token: str | None = None) -> CallRecord:
        """Conducts the call with the server at `url`. Raises ClientError."""
        async with self._carrier.connect(url, token) as connection:
            self._begin = time.monotonic()
            for frame in self._carrier.begin(token):
                await connection.send(frame)
            await self._converse(connection)
        said = self._caller.said
        pcm, carrier = bytes(self._caller.pcm), self._carrier
        return CallRecord(pcm, carrier.rate, said, self._playout, 1000 * self._late_s, carrier.drops)

    async def _converse(self, connection: Connection) -> None:
        """Sends and receives audio until the caller has finished, or either fails."""
        hearing = asyncio.create_task(_first_error(self._hear(connection)), name="hear")
        reporting = asyncio.create_task(self._report_marks(connection), name="marks")
        speaking = asyncio.create_task(_first_error(self._speak(connection)), name="speak")
        tasks = (speaking, reporting, hearing)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
            if not speaking.done():
                raise ConnectionLost("the server ended the call")
            reporting.cancel()
            async with asyncio.timeout(_HANG_UP_S):
                await hearing
        except TimeoutError:
            raise ConnectionLost("the server did not close the connection after the call") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _speak(self, connection: Connection) -> None:
        async with asyncio.TaskGroup() as sending:
            number, packet = 0, b""
            size = self._carrier.rate * self._carrier.packet_ms // 1000 * SAMPLE_BYTES
            for frame_number, frame in enumerate(self._caller.frames(), 1):
                packet += frame
                due_s = frame_number * FRAME_S  # when the last sample was spoken
                await asyncio.sleep(due_s - self._elapsed())
                self._late_s = max(self._late_s, self._elapsed() - due_s)
                if len(packet) >= size:
                    await self._send_packet(connection, packet, number, due_s, sending)
                    number, packet = number + 1, b""
        for ending in self._carrier.end():
            await connection.send(ending)
        if self._carrier.closes:
            await connection.close()

    async def _send_packet(
        self, connection: Connection, pcm: bytes, number: int, due_s: float, sending: asyncio.TaskGroup
    ) -> None:
        at_s = self._impairment.arrival(due_s)
        frames = list(self._carrier.packet(pcm, number))
        if at_s is None:
            return
        if at_s <= due_s:
            for frame in frames:
                await connection.send(frame)
        else:
            sending.create_task(self._send_later(connection, frames, at_s))

    async def _send_later(self, connection: Connection, frames: Sequence[str | bytes], at_s: float) -> None:
        await asyncio.sleep(at_s - self._elapsed())
        for frame in frames:
            await connection.send(frame)

    async def _hear(self, connection: Connection) -> None:
        async with asyncio.TaskGroup() as arriving:
            while (frame := await connection.receive()) is not None:
                now_s = self._elapsed()
                at_s = self._return_path.arrival(now_s) or now_s
                if at_s <= now_s:
                    self._obey(frame)
                else:
                    arriving.create_task(self._obey_later(frame, at_s))

    async def _obey_later(self, frame: str | bytes, at_s: float) -> None:
        await asyncio.sleep(at_s - self._elapsed())
        self._obey(frame)

    def _obey(self, frame: str | bytes) -> None:
        for instruction in self._carrier.read(frame):
            match instruction:
                case Play(pcm):
                    self._playout.play(pcm)
                case Mark(name):
                    self._playout.mark(name)
                case Clear():
                    self._playout.clear()
                case _:
                    assert_never(instruction)

    async def _report_marks(self, connection: Connection) -> None:
        while True:
            for name in self._playout.reached():
                for frame in self._carrier.played(name):
                    await connection.send(frame)
            await asyncio.sleep(_MARKS_S)

    def _elapsed(self) -> float:
        return time.monotonic() - self._begin


async def _first_error(work: Coroutine[Any, Any, None]) -> None:
    """Awaits `work`; raises the first error of its task group alone."""
    try:
        await work
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
