"""What passes between the pool and a worker process: length-prefixed frames on the worker's standard
input and output.

The pool sends one Setup, then batches of decode jobs, one at a time. The worker answers Setup with Ready or
Failed, and each batch with Done or Failed.
"""

from asyncio import StreamReader
from pathlib import Path
from struct import Struct
from typing import IO

import msgspec

from voicegw.asr.whisper import DecodeCost, WhisperOptions
from voicegw.core.jobs import DecodeResult

_LENGTH = Struct(">I")


class Setup(msgspec.Struct, frozen=True):
    """What the worker is to load, and the memory it may have, in MB; 0 for no limit."""

    directory: str
    options: WhisperOptions
    max_memory_mb: int = 0

    @property
    def path(self) -> Path:
        return Path(self.directory)


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded and has decoded audio: what that cost here, and the batch that pays best."""

    cost: DecodeCost


class Failed(msgspec.Struct, frozen=True, tag=True):
    """What was asked for could not be done; the worker goes on if it can."""

    reason: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """The words of each job of a batch, in its order."""

    results: tuple[DecodeResult, ...]


Answer = Ready | Failed | Done


def frame(payload: bytes) -> bytes:
    """The payload with its length in front."""
    return _LENGTH.pack(len(payload)) + payload


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next payload, waiting for it; None when the other side has closed the pipe."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    payload = stream.read(size)
    return payload if len(payload) == size else None


async def receive_answer(reader: StreamReader) -> Answer:
    """The worker's next answer; raises IncompleteReadError when it has died."""
    (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return msgspec.msgpack.decode(await reader.readexactly(size), type=Answer)  # type: ignore[no-any-return]
