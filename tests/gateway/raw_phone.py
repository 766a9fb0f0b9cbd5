"""A bridge or PBX with one telephone call, as raw audio in binary messages: what its caller says and presses
goes out, replies are played when the test says so, and their marks are reported."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.gateway.phone import Receiver
from tests.observing import PATIENCE_S

RATE = 16_000
PIECE = 640  # bytes: 20 ms
LOUD = np.full(RATE // 2, 8_000, dtype="<i2").tobytes()  # half a second
QUIET = bytes(len(LOUD))
SPOKEN = LOUD + 2 * QUIET  # an utterance and the silence that ends it

Message = str | bytes


@dataclass(frozen=True)
class Form:
    """The messages of one kind of client. first: describes the call. key, played: with the key or the mark.
    mark, clear, last: what the server sends as a mark, to discard audio, and at the end; how they begin."""

    path: str
    first: Message
    key: str
    played: str = ""
    mark: str = ""
    clear: str = ""
    last: str = ""
    subprotocol: str = ""


JAMBONZ = Form(
    "/bridge",
    '{"callSid": "c1", "sampleRate": 16000, "mixType": "mono"}',
    '{"event": "dtmf", "dtmf": "%s", "duration": "1600"}',
    '{"type": "mark", "data": {"name": "%s", "event": "playout"}}',
    '{"type":"mark","data":{"name":"',
    '{"type":"killAudio"}',
    '{"type":"disconnect"}',
    "audio.jambonz.org",
)
VONAGE = Form(
    "/bridge",
    '{"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}',
    '{"event": "websocket:dtmf", "digit": "%s", "duration": 260}',
    '{"event": "websocket:notify", "payload": {"name": "%s"}}',
    '{"action":"notify","payload":{"name":"',
    '{"action":"clear"}',
)
STREAM = Form(
    "/bridge?rate=16000&replies=binary",
    b"\0\0",
    '{"event": "dtmf", "dtmf": "%s"}',
    clear='{"type":"killAudio"}',
    last='{"type":"disconnect"}',
)
ASTERISK_TEXT = Form(
    "/asterisk",
    "MEDIA_START connection_id:1 channel:WebSocket/a format:slin16 optimal_frame_size:640 ptime:20",
    "DTMF_END digit:%s channel_id:1",
    "MEDIA_MARK_PROCESSED %s",
    "MARK_MEDIA ",
    "FLUSH_MEDIA",
    "HANGUP",
    "media",
)
ASTERISK_JSON = Form(
    "/asterisk",
    '{"event": "MEDIA_START", "format": "slin16", "optimal_frame_size": 640, "ptime": 20}',
    '{"event": "DTMF_END", "digit": "%s"}',
    '{"event": "MEDIA_MARK_PROCESSED", "correlation_id": "%s"}',
    '{"command":"MARK_MEDIA","correlation_id":"',
    '{"command":"FLUSH_MEDIA"}',
    '{"command":"HANGUP"}',
    "media",
)
BRIDGES = {"jambonz": JAMBONZ, "vonage": VONAGE, "mod_audio_stream": STREAM}
PBXS = {"text": ASTERISK_TEXT, "json": ASTERISK_JSON}


class RawPhone(Receiver):
    """`played`: the audio that the caller has heard. `texts`: all text that came. `waiting`: audio and
    marks that are not played yet."""

    def __init__(self, socket: ClientConnection, form: Form) -> None:
        self.socket = socket
        self.form = form
        self.played = b""
        self.texts: list[str] = []
        self.waiting: list[Message] = []

    async def say(self, audio: bytes) -> None:
        for begin in range(0, len(audio), PIECE):
            await self.socket.send(audio[begin : begin + PIECE])

    async def press(self, keys: str) -> None:
        for key in keys:
            await self.socket.send(self.form.key % key)

    async def receive(self) -> Message:
        """Takes in one message."""
        async with asyncio.timeout(PATIENCE_S):
            message = await self.socket.recv()
        if isinstance(message, str):
            self.texts.append(message)
        if message == self.form.clear:
            self.clears += 1
            self.waiting.clear()
        elif isinstance(message, bytes) or (self.form.mark and message.startswith(self.form.mark)):
            self.waiting.append(message)
        return message

    async def play(self, milliseconds: int) -> None:
        """Plays so much more, in no time, and reports the marks."""
        wanted = len(self.played) + milliseconds * RATE // 1000 * 2
        while len(self.played) < wanted:
            while not self.waiting:
                await self.receive()
            message = self.waiting.pop(0)
            if isinstance(message, bytes):
                assert len(message) % PIECE == 0
                self.played += message
            else:
                await self._report(message)

    async def _report(self, mark: str) -> None:
        name = mark.removeprefix(self.form.mark).partition('"')[0]
        await self.socket.send(self.form.played % name)

    def errors(self) -> list[Any]:
        """The errors that were told, by their codes."""
        told = [json.loads(text) for text in self.texts if '"code"' in text]
        return [each["data"].get("error", each["data"])["code"] for each in told]


@asynccontextmanager
async def dialled(
    root: str, form: Form, *, path: str | None = None, first: Message | None = None, **options: Any
) -> AsyncIterator[RawPhone]:
    """A call. path: in place of the usual one. first: in place of the first message; empty for none."""
    unbounded: dict[str, Any] = {"max_queue": None}  # or closing waits for what is not received
    offered = [Subprotocol(form.subprotocol)] if form.subprotocol else None
    url = f"{root}{form.path if path is None else path}"
    async with connect(
        url, subprotocols=offered, compression=None, proxy=None, **unbounded, **options
    ) as socket:
        assert (socket.subprotocol or "") == form.subprotocol
        phone = RawPhone(socket, form)
        begin = form.first if first is None else first
        if begin:
            await socket.send(begin)
        yield phone
