"""The protocol between the pool and a worker process: numbered frames on the worker's standard input and
output.

The pool sends one Setup, then batches of decode jobs, as many at a time as the worker can decode at once. The
worker answers Setup with Ready or Failed, and each batch with Done or Failed. An answer has the number of its
request; answers come in any order.
"""

from asyncio import StreamReader
from struct import Struct
from typing import IO

import msgspec

from voicegw.asr.engine import EngineSpec
from voicegw.core.jobs import DecodeResult

_HEAD = Struct(">II")  # the length of the payload, the number of the request


class Layout(msgspec.Struct, frozen=True):
    """How the decodes of one worker process are distributed over its cores, and the cost of one.

    single_ms: one calibration window. threads: of one decode. at_once: decodes at the same time, which share
    the weights. batch: the number of windows with the least cost for each. gather_ms: how long jobs may wait
    for a full batch while the process decodes another; 0 where decodes side by side get as much done.
    """

    single_ms: float
    threads: int
    at_once: int
    batch: int
    gather_ms: float = 0.0


class Setup(msgspec.Struct, frozen=True):
    """What the worker loads, and for which layout.

    cores: those it may use. at_once: decodes at the same time; 0 for as many as the cores allow.
    slow_decode_ms: a decode that takes longer is tried with more threads. max_memory_mb: 0 for no limit.
    layout: one that was measured already for the same model, so that nothing is measured again.
    """

    engine: EngineSpec
    cores: int = 1
    at_once: int = 0
    slow_decode_ms: int = 250
    max_memory_mb: int = 0
    layout: Layout | None = None


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded and has decoded audio."""

    layout: Layout


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The request failed; the worker continues if it can."""

    reason: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """The words of each job of a batch, in its order."""

    results: tuple[DecodeResult, ...]


Answer = Ready | Failed | Done


def frame(number: int, payload: bytes) -> bytes:
    """The payload of the request or answer with this number, as it passes."""
    return _HEAD.pack(len(payload), number) + payload


def read_frame(stream: IO[bytes]) -> tuple[int, bytes] | None:
    """The next number and payload, waiting for them; None when the other side has closed the pipe."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    size, number = _HEAD.unpack(head)
    payload = stream.read(size)
    return (number, payload) if len(payload) == size else None


async def receive_answer(reader: StreamReader) -> tuple[int, Answer]:
    """The worker's next answer and the number of its request; raises IncompleteReadError when it has died."""
    size, number = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return number, msgspec.msgpack.decode(await reader.readexactly(size), type=Answer)
