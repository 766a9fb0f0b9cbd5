"""A carrier with one telephone call, in the form of Twilio: what its caller says and presses goes out,
replies are played when the test says so, and their marks are echoed."""

import asyncio
import base64
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.observing import PATIENCE_S
from voicegw.core import g711

RATE = 8_000
CHUNK = 160  # bytes: 20 ms
LOUD = g711.encode_mulaw(np.full(RATE // 2, 8_000, dtype=np.int16))  # half a second
QUIET = g711.encode_mulaw(np.zeros(RATE // 2, dtype=np.int16))
SPOKEN = LOUD + 2 * QUIET  # an utterance and the silence that ends it


class Receiver(ABC):
    """Takes in what the server sends to a call. clears: how often unplayed audio was to be discarded."""

    clears = 0

    @abstractmethod
    async def receive(self) -> object:
        """Takes in one message."""

    async def cleared(self) -> None:
        """Waits until unplayed audio has been discarded."""
        while not self.clears:
            await self.receive()

    async def closed(self) -> tuple[int, str]:
        """The close code and reason, after whatever else is still to come."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as closed:
            return (1006, "") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)


class Phone(Receiver):
    """`played`: the audio that the caller has heard. `waiting`: media and marks that are not played yet."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.played = b""
        self.waiting: list[dict[str, Any]] = []

    async def send(self, event: str, **content: Any) -> None:
        message = {"event": event, "streamSid": "MZ1", **content}
        await self.socket.send(json.dumps(message))

    async def start(self, **parameters: str) -> None:
        """The call begins, with what its application has for the server."""
        await self.send("connected", protocol="Call", version="1.0.0")
        shape = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
        content = {"streamSid": "MZ1", "mediaFormat": shape, "customParameters": parameters}
        await self.send("start", sequenceNumber="1", start=content)

    async def say(self, audio: bytes) -> None:
        for begin in range(0, len(audio), CHUNK):
            payload = base64.b64encode(audio[begin : begin + CHUNK]).decode()
            await self.send("media", media={"track": "inbound", "payload": payload})

    async def press(self, keys: str) -> None:
        for digit in keys:
            await self.send("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    async def receive(self) -> str:
        """Takes in one message: what it is."""
        async with asyncio.timeout(PATIENCE_S):
            message = json.loads(await self.socket.recv())
        assert message["streamSid"] == "MZ1"
        if message["event"] == "clear":
            self.clears += 1
            marks = [each for each in self.waiting if each["event"] == "mark"]
            self.waiting.clear()
            for each in marks:
                await self.send("mark", mark=each["mark"])
        else:
            self.waiting.append(message)
        return str(message["event"])

    async def play(self, milliseconds: int) -> None:
        """Plays so much more, in no time, and echoes the mark behind each piece."""
        wanted = len(self.played) + milliseconds * RATE // 1000
        while len(self.played) < wanted:
            media, mark = await self._next("media"), await self._next("mark")
            self.played += base64.b64decode(media["media"]["payload"])
            await self.send("mark", mark=mark["mark"])

    async def _next(self, event: str) -> dict[str, Any]:
        while not self.waiting:
            await self.receive()
        message = self.waiting.pop(0)
        assert message["event"] == event
        return message


@asynccontextmanager
async def dialled(url: str, **options: Any) -> AsyncIterator[Phone]:
    """A connection that has said nothing yet."""
    unbounded: dict[str, Any] = {"max_queue": None}  # or closing waits for what is not received
    async with connect(url, compression=None, proxy=None, **unbounded, **options) as socket:
        yield Phone(socket)
