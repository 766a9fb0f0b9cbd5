"""What the scripts here share: a microphone that plays recordings, and the turns of a conversation.

They run in the environments of the clients, without the packages of this project.
"""

import argparse
import asyncio
import time
import wave
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

RATE = 24_000
_FRAME_S = 0.02
TURN_S = 45.0
_BEFORE_THE_CALL = "One moment"  # what the model says before it calls the function; see model.py


class Microphone:
    """Sends audio in real time, mono with 16 bits: what was said, else silence."""

    def __init__(self, send: Callable[[bytes], object], rate: int = RATE) -> None:
        self._send = send
        self._rate = rate
        self._frame_bytes = round(rate * _FRAME_S) * 2
        self._frames: deque[bytes] = deque()
        self._silent = asyncio.Event()

    def say(self, path: Path) -> None:
        """Plays a recording, `PATH-RATE.wav`."""
        with wave.open(f"{path}-{self._rate}.wav") as file:
            assert file.getparams()[:3] == (1, 2, self._rate)
            pcm = file.readframes(file.getnframes())
        size = self._frame_bytes
        pieces = [pcm[start : start + size] for start in range(0, len(pcm), size)]
        self._silent.clear()
        self._frames.extend(piece.ljust(size, b"\0") for piece in pieces)

    async def said(self) -> None:
        """Waits until everything was said."""
        await self._silent.wait()

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            if not self._frames:
                self._silent.set()
            sent = self._send(self._frames.popleft() if self._frames else bytes(self._frame_bytes))
            if asyncio.iscoroutine(sent):
                await sent
            due += _FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    @asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        """Runs for as long as the block."""
        running = asyncio.create_task(self.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class Turns:
    """What was heard, which functions were called and what was replied, as far as it is known."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.calls: list[str] = []
        self.replies: list[str] = []
        self.errors: list[str] = []
        self._changed = asyncio.Event()

    def hear(self, text: str) -> None:
        print(f"heard: {text}", flush=True)
        self.heard.append(text)
        self._changed.set()

    def turn_on(self, what: str) -> str:
        """The function of the client that the model calls in the first turn."""
        print(f"called: turn_on({what!r})", flush=True)
        self.calls.append(what)
        return f"{what} is on"

    def check_calls(self) -> None:
        """The model has called the function, said what it returned, and knew of it in the second turn."""
        said = "".join(self.replies)
        if self.calls != ["the light"] or "the light is on" not in said or "All right" not in said:
            raise SystemExit(f"failed: calls {self.calls}, replies {self.replies}")

    def reply(self, text: str) -> None:
        print(f"reply: {text}", flush=True)
        if text.startswith(_BEFORE_THE_CALL):
            return  # the reply of the turn follows
        self.replies.append(text)
        self._changed.set()

    def fail(self, error: object) -> None:
        print(f"error: {error}", flush=True)
        self.errors.append(str(error))
        self._changed.set()

    async def wait(self, turns: int, *, heard: bool = True, replies: bool = True) -> None:
        """Waits for the transcripts and the replies of so many turns."""
        async with asyncio.timeout(TURN_S):
            while not self.errors and (
                (heard and len(self.heard) < turns) or (replies and len(self.replies) < turns)
            ):
                self._changed.clear()
                await self._changed.wait()
        if self.errors:
            raise SystemExit(f"failed: {self.errors}")


FUNCTION = {
    "name": "turn_on",
    "description": "Turns something on.",
    "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
}


async def converse(
    turns: Turns, microphone: Microphone, recordings: list[Path], *, replies: bool, after: int = 0
) -> None:
    """Says one recording after the other, each when the turn before is over. after: so many turns."""
    for number, path in enumerate(recordings, start=after + 1):
        await asyncio.sleep(1.0)
        microphone.say(path)
        await microphone.said()
        await turns.wait(number, replies=replies)


def arguments() -> tuple[str, list[Path]]:
    """The base URL of the server (http://…/v1), and the recordings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("recordings", nargs="+", type=Path)
    given = parser.parse_args()
    return given.url, given.recordings


def websocket_url(url: str) -> str:
    """The same address for a WebSocket."""
    return "ws" + url.removeprefix("http")
