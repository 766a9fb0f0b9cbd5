import asyncio

import pytest

from tests.core.test_journal import TAKEN, described
from tests.observing import PATIENCE_S
from voicegw.core.events import ReplyDelta
from voicegw.core.journal import Journal
from voicegw.dialects.port import ReplyAudio
from voicegw.gateway.session.outbox import NumberedEvent, Outbox, Outgoing, Reader


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(Journal(1_000, 1_000))


async def sent_by(reader: Reader, count: int) -> list[str]:
    return [shown(await asyncio.wait_for(reader.get(), PATIENCE_S)) for _ in range(count)]


def shown(outgoing: Outgoing) -> str:
    match outgoing:
        case NumberedEvent(event, number):
            return described(event, number)
        case ReplyAudio(_, data):
            return data.decode()
        case _:
            return "stop"


def audio(data: bytes = b"audio") -> ReplyAudio:
    return ReplyAudio(1, data, 100)


async def test_a_waiting_reader_gets_the_next_message(outbox: Outbox) -> None:
    reading = asyncio.create_task(outbox.reader(0, TAKEN).get())
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.put(ReplyDelta(1, "a"))
    assert await reading == NumberedEvent(ReplyDelta(1, "a"), 1)


async def test_a_new_reader_begins_where_its_client_left_off(outbox: Outbox) -> None:
    for text in "abc":
        outbox.put(ReplyDelta(1, text))
    assert len(await sent_by(outbox.reader(0, TAKEN), 3)) == 3
    assert await sent_by(outbox.reader(1, TAKEN), 2) == ["2:delta b", "3:delta c"]


async def test_with_write_ahead_an_event_waits_until_it_is_saved() -> None:
    outbox = Outbox(Journal(1_000, 1_000), write_ahead=True)
    reading = asyncio.create_task(outbox.reader(0, TAKEN).get())
    outbox.put(ReplyDelta(1, "a"))
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.release(outbox.journal.unsaved())
    assert await reading == NumberedEvent(ReplyDelta(1, "a"), 1)


async def test_degraded_an_event_waits_for_nothing() -> None:
    outbox = Outbox(Journal(1_000, 1_000), write_ahead=True)
    reader = outbox.reader(0, TAKEN)
    outbox.put(ReplyDelta(1, "a"))
    outbox.degrade()
    outbox.put(ReplyDelta(1, "b"))
    assert await sent_by(reader, 2) == ["1:delta a", "2:delta b"]


async def test_tells_when_everything_so_far_is_saved(outbox: Outbox) -> None:
    await outbox.saved()
    outbox.put(ReplyDelta(1, "a"))
    await outbox.saved()  # nothing has to be saved
    durable = Outbox(Journal(1_000, 1_000), write_ahead=True)
    durable.put(ReplyDelta(1, "a"))
    saved = asyncio.create_task(durable.saved())
    await asyncio.sleep(0)
    assert not saved.done()
    entries = durable.journal.unsaved()
    durable.put(ReplyDelta(1, "b"))
    durable.release(entries)
    await asyncio.wait_for(saved, PATIENCE_S)


async def test_is_drained_once_the_last_message_is_with_the_network(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    await asyncio.wait_for(reader.drained(), PATIENCE_S)
    outbox.put(ReplyDelta(1, "a"))
    drained = asyncio.create_task(reader.drained())
    await sent_by(reader, 1)
    await asyncio.sleep(0)
    assert not drained.done()
    reader.sent()
    await asyncio.wait_for(drained, PATIENCE_S)


async def test_audio_keeps_its_place_between_the_events(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    outbox.put(ReplyDelta(1, "a"))
    outbox.play(audio(b"audio 1"))
    outbox.play(audio(b"audio 2"))
    outbox.put(ReplyDelta(1, "b"))
    assert await sent_by(reader, 4) == ["1:delta a", "audio 1", "audio 2", "2:delta b"]


async def test_audio_that_was_dropped_is_not_sent(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    outbox.play(audio())
    assert outbox.stop_audio() == 100
    outbox.put(ReplyDelta(1, "a"))
    assert await sent_by(reader, 2) == ["stop", "1:delta a"]


async def test_that_audio_was_stopped_is_said_once_however_often_it_was(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    for _ in range(3):
        outbox.play(audio())
        outbox.stop_audio()
    outbox.play(audio(b"next"))
    assert await sent_by(reader, 2) == ["stop", "next"]


async def test_audio_that_piles_up_is_stale(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    assert sum(outbox.play(audio(b"%d" % number)) for number in range(25)) == 500
    assert await sent_by(reader, 1) == ["5"]


async def test_a_stop_is_not_dropped_with_stale_audio(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    outbox.play(audio())
    outbox.stop_audio()
    assert sum(outbox.play(audio(b"%d" % number)) for number in range(25)) == 500
    assert await sent_by(reader, 2) == ["stop", "5"]


async def test_audio_for_nobody_is_not_kept(outbox: Outbox) -> None:
    assert outbox.play(audio()) == 100
    assert outbox.stop_audio() == 0
    outbox.put(ReplyDelta(1, "a"))
    assert await sent_by(outbox.reader(0, TAKEN), 1) == ["1:delta a"]


async def test_is_not_drained_while_audio_waits(outbox: Outbox) -> None:
    reader = outbox.reader(0, TAKEN)
    outbox.play(audio())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.drained(), 0.01)
