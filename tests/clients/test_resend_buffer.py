import pytest

from clients.errors import ConnectionLost
from clients.resend_buffer import ResendBuffer


def sent(buffer: ResendBuffer, *messages: bytes | str) -> ResendBuffer:
    """The buffer after these messages were sent."""
    for message in messages:
        buffer.add(message)
    for _ in buffer.pending():
        pass
    return buffer


def to_send(buffer: ResendBuffer) -> list[bytes | str]:
    return list(buffer.pending())


@pytest.fixture
def buffer() -> ResendBuffer:
    return ResendBuffer(sample_bytes=2, max_samples=10)


def test_everything_is_sent_once_in_order(buffer: ResendBuffer) -> None:
    for message in (b"1122", "a", b"33"):
        buffer.add(message)
    assert to_send(buffer) == [b"1122", "a", b"33"]
    assert to_send(buffer) == []


def test_what_was_not_received_is_sent_again(buffer: ResendBuffer) -> None:
    sent(buffer, b"1122", "a", b"3344", "b")
    buffer.rewind(samples=3, messages=1)
    assert to_send(buffer) == [b"44", "b"]


def test_a_text_message_keeps_its_position_between_samples(buffer: ResendBuffer) -> None:
    sent(buffer, b"1122", "a", "b", b"3344")
    buffer.rewind(samples=2, messages=1)
    assert to_send(buffer) == ["b", b"3344"]


def test_acknowledged_messages_are_discarded(buffer: ResendBuffer) -> None:
    sent(buffer, b"1122", b"3344", "a")
    buffer.acknowledge(samples=3, messages=0)
    buffer.rewind(samples=3, messages=0)
    assert to_send(buffer) == [b"44", "a"]
    with pytest.raises(ConnectionLost, match="not kept"):
        buffer.rewind(samples=1, messages=0)


def test_nothing_is_sent_again_when_everything_is_acknowledged(buffer: ResendBuffer) -> None:
    sent(buffer, b"1122", "a").acknowledge(samples=2, messages=1)
    buffer.rewind(samples=2, messages=1)
    assert to_send(buffer) == []
    with pytest.raises(ConnectionLost):
        buffer.rewind(samples=1, messages=1)


def test_the_oldest_audio_is_discarded_above_the_limit(buffer: ResendBuffer) -> None:
    sent(buffer, *[b"1122"] * 6)
    buffer.rewind(samples=2, messages=0)
    assert len(to_send(buffer)) == 5
    with pytest.raises(ConnectionLost):
        buffer.rewind(samples=0, messages=0)


def test_a_new_session_begins_with_the_kept_messages(buffer: ResendBuffer) -> None:
    sent(buffer, b"1122", "a", b"33").acknowledge(samples=2, messages=0)
    buffer.restart(1_000)
    assert to_send(buffer) == ["a", b"33"]
    buffer.rewind(samples=0, messages=1)
    assert to_send(buffer) == [b"33"]


def test_a_new_session_gets_nothing_that_refers_to_the_old_one(buffer: ResendBuffer) -> None:
    buffer.add("a", lasting=False)
    buffer.add("b")
    buffer.restart(1_000)
    assert to_send(buffer) == ["b"]
    buffer.restart(1_000)
    buffer.rewind(samples=0, messages=1)
    assert to_send(buffer) == []


def test_a_new_session_gets_no_more_audio_than_it_takes_at_once_the_newest(buffer: ResendBuffer) -> None:
    sent(buffer, b"1122", "a", b"33", b"44", "b")
    buffer.restart(6)
    assert to_send(buffer) == [b"22", "a", b"33", b"44", "b"]
    buffer.restart(2)
    assert to_send(buffer) == ["a", b"44", "b"]


def test_an_acknowledgement_while_sending(buffer: ResendBuffer) -> None:
    for number in b"123":
        buffer.add(bytes([number]) * 2)
    yielded: list[bytes | str] = []
    for message in buffer.pending():
        yielded.append(message)
        buffer.acknowledge(samples=len(yielded), messages=0)
    assert yielded == [b"11", b"22", b"33"]
