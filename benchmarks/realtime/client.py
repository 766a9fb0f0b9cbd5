"""`python -m benchmarks.realtime.client --url URL`: a client process with the `openai` package.

Each line on stdin asks for a session that streams a file in real time; its events come as a line on stdout.
Audio is sent on schedule even if the server is slow. All times are seconds of the host's monotonic clock.
"""

import argparse
import asyncio
import base64
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.realtime.events import DEADLINE_S, Event, Request, Session
from clients.audio import SAMPLE_BYTES, frames, paced, read_pcm
from clients.errors import ClientError

RATE = 24_000  # of the protocol's PCM
FORMAT = {"type": "audio/pcm", "rate": RATE}
TRANSCRIPTION = {"model": "whisper-1"}
KEPT = ("conversation.item.input_audio_transcription.", "input_audio_buffer.", "response.output_text.")
REPLIED = "response.output_text.delta"
REPLY_S = 5.0  # from the last transcript to the reply
ENDED = ("conversation.item.input_audio_transcription.completed", "error")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the requests until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.realtime.client", description=__doc__)
    parser.add_argument("--url", required=True, help="the base URL of the API")
    url = parser.parse_args(argv).url
    import openai  # noqa: F401  # before the first session, because it takes seconds

    print("ready", flush=True)
    for line in sys.stdin:
        request = msgspec.json.decode(line, type=Request)
        try:
            session = asyncio.run(stream(url, request))
        except (ClientError, TimeoutError, OSError) as error:
            print(f"{request.file}: {error or type(error).__name__}", file=sys.stderr)
            return 1
        sys.stdout.buffer.write(msgspec.json.encode(session) + b"\n")
        sys.stdout.buffer.flush()
    return 0


async def stream(url: str, request: Request) -> Session:
    """A session of a client that streams the file. Raises ClientError, TimeoutError and OSError."""
    from openai import AsyncOpenAI

    pcm = read_pcm(Path(request.file), RATE)
    async with (
        asyncio.timeout(len(pcm) / SAMPLE_BYTES / RATE + DEADLINE_S),
        AsyncOpenAI(base_url=url, api_key="none") as client,
        client.realtime.connect(model="voicegw") as connection,
    ):
        await connection.session.update(session=_settings(request))
        return await _Client(connection, request).play(pcm)


def _settings(request: Request) -> Any:
    heard: dict[str, Any] = {"format": FORMAT, "transcription": dict(TRANSCRIPTION)}
    if request.language:
        heard["transcription"]["language"] = request.language
    heard["turn_detection"] = (
        None if request.manual else {"type": "server_vad", "create_response": request.reply}
    )
    return {"type": "realtime", "output_modalities": ["text"], "audio": {"input": heard}}


class _Client:
    """One connection that is configured already."""

    def __init__(self, connection: Any, request: Request) -> None:
        self._connection = connection
        self._request = request
        self._events: list[Event] = []
        self._open: set[str] = set()  # items without their transcript
        self._over = False
        self._changed = asyncio.Event()

    async def play(self, pcm: bytes) -> Session:
        """Streams the audio; the session once every item has its transcript. Raises ClientError."""
        receiving = asyncio.create_task(self._receive(), name="receiver")
        try:
            await self._until(lambda: any(event.kind == "session.updated" for event in self._events))
            begin_s, latest_s = await self._send(pcm)
            committed_s = None
            if self._request.manual:
                committed_s = time.monotonic()
                await self._connection.input_audio_buffer.commit()
                await self._until(lambda: any(event.kind in ENDED for event in self._events))
            await self._until(lambda: not self._open)
            if self._request.reply:
                with suppress(TimeoutError):  # a turn without words has no reply
                    async with asyncio.timeout(REPLY_S):
                        await self._until(self._is_answered)
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
        return Session(self._request.file, begin_s, committed_s, latest_s, tuple(self._events))

    async def _send(self, pcm: bytes) -> tuple[float, float]:
        """When the first frame was due, and the maximum lateness. It ends when the last frame is spoken."""
        sends: list[tuple[float, float]] = []
        async for due, frame in paced(frames(pcm, RATE)):
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            sends.append((due, time.monotonic()))
        return sends[0][0], max(sent - due for due, sent in sends)

    async def _receive(self) -> None:
        try:
            async for event in self._connection:
                self._take(event)
                self._changed.set()
        finally:
            self._over = True
            self._changed.set()

    def _is_answered(self) -> bool:
        """Whether text of a response has come since the last transcript."""
        kinds = [event.kind for event in self._events if event.kind in (ENDED[0], REPLIED)]
        return kinds[-1:] == [REPLIED]

    def _take(self, event: Any) -> None:
        if event.type == "input_audio_buffer.speech_started":
            self._open.add(event.item_id)
        elif event.type in ENDED:
            self._open.discard(getattr(event, "item_id", ""))
        if event.type.startswith(KEPT) or event.type in ("error", "session.updated"):
            self._events.append(_event(event))

    async def _until(self, reached: Callable[[], bool]) -> None:
        """Waits. Raises ClientError when the connection ends before."""
        while not reached():
            if self._over:
                raise ClientError("the server ended the session")
            self._changed.clear()
            await self._changed.wait()


def _event(event: Any) -> Event:
    error = getattr(event, "error", None)
    text = error.message if error else getattr(event, "delta", None) or getattr(event, "transcript", None)
    item = getattr(event, "item_id", None)
    return Event(time.monotonic(), event.type, item or "", text or "")


if __name__ == "__main__":
    sys.exit(main())
