import asyncio
from io import BytesIO

import msgspec
import pytest

from voicegw.asr.engine import EngineSpec
from voicegw.asr.pipe import Answer, Done, Failed, Layout, Ready, Setup, frame, read_frame, receive_answer
from voicegw.core.jobs import DecodeResult, Word

DONE = Done((DecodeResult("s", 7, (Word("Hello,", 160, 4_800, 0.9),), 1.5, 20.0),))


def reader_of(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


@pytest.mark.parametrize("payload", [b"", b"x", bytes(900_000)])
def test_a_frame_is_read_as_it_was_written(payload: bytes) -> None:
    stream = BytesIO(frame(3, payload) + frame(2**32 - 1, b"next"))
    assert read_frame(stream) == (3, payload)
    assert read_frame(stream) == (2**32 - 1, b"next")
    assert read_frame(stream) is None


@pytest.mark.parametrize("kept", range(1, 11))
def test_a_pipe_that_breaks_in_a_frame_is_closed(kept: int) -> None:
    assert read_frame(BytesIO(frame(0, b"abc")[:kept])) is None


@pytest.mark.parametrize("answer", [Ready(Layout(13.5, 1, 2, 4)), Failed("out of memory"), DONE])
async def test_answers_pass(answer: Answer) -> None:
    assert await receive_answer(reader_of(frame(5, msgspec.msgpack.encode(answer)))) == (5, answer)


@pytest.mark.parametrize("kept", [0, 2, 6, 10])
async def test_a_worker_that_dies_in_its_answer(kept: int) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await receive_answer(reader_of(frame(5, msgspec.msgpack.encode(DONE))[:kept]))


def test_the_setup_passes_with_its_engine() -> None:
    engine = EngineSpec("package.module:load", b"its own", threads=2, max_batch=3, end_of_turn=True)
    setup = Setup(engine, cores=4, layout=Layout(13.5, 1, 2, 4))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(setup), type=Setup) == setup
