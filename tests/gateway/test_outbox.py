import asyncio

import pytest

from tests.core.test_journal import TAKEN, encode
from voicegw.core.events import ReplyDelta
from voicegw.core.journal import Journal
from voicegw.gateway.outbox import Outbox, Reader


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(Journal(encode, 1_000, 1_000))


async def sent_by(reader: Reader, count: int) -> list[str]:
    return [(await asyncio.wait_for(reader.get(), 1)).decode() for _ in range(count)]


async def test_a_waiting_reader_gets_the_next_message(outbox: Outbox) -> None:
    reading = asyncio.create_task(outbox.reader(0, TAKEN).get())
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.put(ReplyDelta(1, "a"))
    assert await reading == b"1:delta a"


async def test_a_new_reader_begins_where_its_client_left_off(outbox: Outbox) -> None:
    for text in "abc":
        outbox.put(ReplyDelta(1, text))
    assert len(await sent_by(outbox.reader(0, TAKEN), 3)) == 3
    assert await sent_by(outbox.reader(1, TAKEN), 2) == ["2:delta b", "3:delta c"]


async def test_with_write_ahead_an_event_waits_until_it_is_saved() -> None:
    outbox = Outbox(Journal(encode, 1_000, 1_000), write_ahead=True)
    reading = asyncio.create_task(outbox.reader(0, TAKEN).get())
    outbox.put(ReplyDelta(1, "a"))
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.release(outbox.journal.unsaved())
    assert await reading == b"1:delta a"


async def test_is_drained_once_the_last_message_is_with_the_network(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    await asyncio.wait_for(reader.drained(), 1)
    outbox.put(ReplyDelta(1, "a"))
    drained = asyncio.create_task(reader.drained())
    await sent_by(reader, 1)
    await asyncio.sleep(0)
    assert not drained.done()
    reader.sent()
    await asyncio.wait_for(drained, 1)
