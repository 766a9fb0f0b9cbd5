import pytest

from clients.errors import ConnectionLost
from clients.unacknowledged import Unacknowledged


def sent(kept: Unacknowledged, *messages: bytes | str) -> Unacknowledged:
    """After these were sent, and are with the network."""
    for message in messages:
        kept.add(message)
    for _ in kept.pending():
        pass
    return kept


def to_send(kept: Unacknowledged) -> list[bytes | str]:
    return list(kept.pending())


@pytest.fixture
def kept() -> Unacknowledged:
    return Unacknowledged(sample_bytes=2, max_samples=10)


def test_everything_is_sent_once_in_order(kept: Unacknowledged) -> None:
    for message in (b"1122", "a", b"33"):
        kept.add(message)
    assert to_send(kept) == [b"1122", "a", b"33"]
    assert to_send(kept) == []


def test_what_was_not_taken_is_sent_again(kept: Unacknowledged) -> None:
    sent(kept, b"1122", "a", b"3344", "b")
    kept.rewind(samples=3, messages=1)
    assert to_send(kept) == [b"44", "b"]


def test_a_request_belongs_between_the_samples_it_was_sent_between(kept: Unacknowledged) -> None:
    sent(kept, b"1122", "a", "b", b"3344")
    kept.rewind(samples=2, messages=1)
    assert to_send(kept) == ["b", b"3344"]


def test_what_is_acknowledged_is_not_kept(kept: Unacknowledged) -> None:
    sent(kept, b"1122", b"3344", "a")
    kept.acknowledge(samples=3, messages=0)
    kept.rewind(samples=3, messages=0)
    assert to_send(kept) == [b"44", "a"]
    with pytest.raises(ConnectionLost, match="not kept"):
        kept.rewind(samples=1, messages=0)


def test_everything_acknowledged_leaves_nothing_to_send(kept: Unacknowledged) -> None:
    sent(kept, b"1122", "a").acknowledge(samples=2, messages=1)
    kept.rewind(samples=2, messages=1)
    assert to_send(kept) == []
    with pytest.raises(ConnectionLost):
        kept.rewind(samples=1, messages=1)


def test_no_more_than_so_much_audio_is_kept(kept: Unacknowledged) -> None:
    sent(kept, *[b"1122"] * 6)
    kept.rewind(samples=2, messages=0)
    assert len(to_send(kept)) == 5
    with pytest.raises(ConnectionLost):
        kept.rewind(samples=0, messages=0)


def test_a_new_session_begins_with_what_is_kept(kept: Unacknowledged) -> None:
    sent(kept, b"1122", "a", b"33").acknowledge(samples=2, messages=0)
    kept.restart()
    assert to_send(kept) == ["a", b"33"]
    kept.rewind(samples=0, messages=1)
    assert to_send(kept) == [b"33"]


def test_an_acknowledgement_in_the_midst_of_sending(kept: Unacknowledged) -> None:
    for number in b"123":
        kept.add(bytes([number]) * 2)
    said: list[bytes | str] = []
    for message in kept.pending():
        said.append(message)
        kept.acknowledge(samples=len(said), messages=0)
    assert said == [b"11", b"22", b"33"]
