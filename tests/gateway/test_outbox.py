import asyncio

import pytest

from voicegw.core.events import (
    AudioAcknowledged,
    Event,
    PartialTranscript,
    ReplyDelta,
    SpeechStarted,
)
from voicegw.errors import SlowConsumer
from voicegw.gateway.outbox import Outbox


def encode(event: Event, seq: int) -> bytes:
    """`seq:what` and something to tell two apart by."""
    return f"{seq}:{_what(event)}".encode()


def _what(event: Event) -> str:
    match event:
        case PartialTranscript(turn, stable):
            return f"partial{turn} {stable}"
        case ReplyDelta(_, text):
            return f"delta {text}"
        case AudioAcknowledged(samples):
            return f"ack {samples}"
        case _:
            return type(event).__name__


def partial(turn: int, stable: str) -> PartialTranscript:
    return PartialTranscript(turn, stable, "", 0)


async def sent_by(outbox: Outbox, count: int) -> list[str]:
    return [(await asyncio.wait_for(outbox.get(), 1)).decode() for _ in range(count)]


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(encode, max_bytes=1_000)


async def test_sends_in_order_with_numbers_from_1(outbox: Outbox) -> None:
    outbox.put(SpeechStarted(1, 0))
    outbox.put(ReplyDelta(1, "a"))
    assert await sent_by(outbox, 2) == ["1:SpeechStarted", "2:delta a"]


async def test_the_newest_partial_of_a_turn_takes_the_older_ones_place(outbox: Outbox) -> None:
    for event in (partial(1, "a"), SpeechStarted(2, 0), partial(1, "a b"), partial(2, "c")):
        outbox.put(event)
    assert await sent_by(outbox, 3) == ["1:partial1 a b", "2:SpeechStarted", "3:partial2 c"]
    assert outbox.coalesced == 1


async def test_a_partial_that_is_on_its_way_is_not_replaced(outbox: Outbox) -> None:
    outbox.put(partial(1, "a"))
    assert await sent_by(outbox, 1) == ["1:partial1 a"]
    outbox.put(partial(1, "a b"))
    assert await sent_by(outbox, 1) == ["2:partial1 a b"]
    assert outbox.coalesced == 0


async def test_only_the_last_acknowledgement_matters(outbox: Outbox) -> None:
    for samples in (16_000, 32_000, 48_000):
        outbox.put(AudioAcknowledged(samples))
    assert await sent_by(outbox, 1) == ["1:ack 48000"]


async def test_replies_are_never_replaced(outbox: Outbox) -> None:
    for text in "abc":
        outbox.put(ReplyDelta(1, text))
    assert await sent_by(outbox, 3) == ["1:delta a", "2:delta b", "3:delta c"]


async def test_a_waiting_reader_gets_the_next_message(outbox: Outbox) -> None:
    reading = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.put(ReplyDelta(1, "a"))
    assert await reading == b"1:delta a"


async def test_holds_no_more_than_its_bytes(outbox: Outbox) -> None:
    outbox.put(ReplyDelta(1, "a" * 900))
    with pytest.raises(SlowConsumer, match="1000 bytes"):
        outbox.put(ReplyDelta(1, "b" * 200))
    assert len((await sent_by(outbox, 1))[0]) > 900
    outbox.put(ReplyDelta(1, "c" * 900))
    assert (await sent_by(outbox, 1))[0].startswith("2:delta c")


async def test_replaced_messages_do_not_count(outbox: Outbox) -> None:
    for length in range(100):
        outbox.put(partial(1, "a" * 8 * length))
    assert outbox.coalesced == 99


async def test_is_drained_once_the_last_message_is_with_the_network(outbox: Outbox) -> None:
    await asyncio.wait_for(outbox.drained(), 1)
    outbox.put(ReplyDelta(1, "a"))
    drained = asyncio.create_task(outbox.drained())
    await sent_by(outbox, 1)
    await asyncio.sleep(0)
    assert not drained.done()
    outbox.sent()
    await asyncio.wait_for(drained, 1)
