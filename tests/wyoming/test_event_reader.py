"""Events are read with limits."""

import json

import pytest
from wyoming.event import Event

from voicegw.errors import MalformedMessage, MessageTooBig
from voicegw.wyoming.event_reader import MAX_EVENT_BYTES, MAX_LINE_BYTES, EventReader


async def read(data: bytes) -> list[Event]:
    reader = EventReader()
    reader.feed_data(data)
    reader.feed_eof()
    events = []
    while (event := await reader.next_event()) is not None:
        events.append(event)
    return events


async def test_events_have_data_and_audio() -> None:
    first = b'{"type":"a","data":{"x":1},"data_length":7,"payload_length":2}\n{"y":2}\0\1'
    assert await read(first + b'{"type":"b"}\n') == [Event("a", {"x": 1, "y": 2}, b"\0\1"), Event("b")]


@pytest.mark.parametrize("length", ["data_length", "payload_length"])
async def test_a_long_event_is_refused_before_it_is_read(length: str) -> None:
    with pytest.raises(MessageTooBig):
        await read(json.dumps({"type": "a", length: MAX_EVENT_BYTES + 1}).encode() + b"\n")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
        b"{}\n",
        b'{"type":1}\n',
        b'{"type":"a","data":[]}\n',
        b'{"type":"a","data_length":"1"}\n',
        b'{"type":"a","payload_length":1.5}\nxx',
        b'{"type":"a","data_length":1}\n1',
        b"[" * 50_000 + b"\n",
    ],
)
async def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        await read(data)


async def test_a_long_line_is_refused() -> None:
    with pytest.raises(MessageTooBig):
        await read(b"x" * (2 * MAX_LINE_BYTES))


async def test_an_event_that_is_cut_off_is_the_end() -> None:
    assert await read(b'{"type":"a","payload_length":4}\n\0\0') == []
    assert await read(b"") == []
