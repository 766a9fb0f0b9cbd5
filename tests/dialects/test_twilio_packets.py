from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.dialects.twilio.packets import MAX_LATE, MAX_LOST, Packets


def heard(numbers: Iterable[int | None], late: int = 0) -> list[int | None]:
    """The numbers of the packets that are heard; None for a lost one. Packets without a number say 0."""
    packets = Packets(late)
    found = [data for number in numbers for data in packets.push(number, bytes([number or 0] * 2))]
    return [None if data is None else data[0] for data in found]


def test_packets_in_order_pass_at_once() -> None:
    assert heard([7, 8, 9, 10]) == [7, 8, 9, 10]


def test_a_lost_packet_is_found() -> None:
    assert heard([1, 2, 3, 4, 6, 7]) == [1, 2, 3, 4, None, 6, 7]


def test_a_late_packet_is_waited_for() -> None:
    assert heard([1, 2, 3, 5, 6, 4, 7], MAX_LATE) == [1, 2, 3, 4, 5, 6, 7]


def test_a_packet_that_is_too_late_is_given_up_and_then_ignored() -> None:
    later = range(5, 5 + MAX_LATE + 1)
    assert heard([1, 2, 3, *later, 4, 11], MAX_LATE) == [1, 2, 3, None, *later, 11]


def test_a_packet_that_comes_twice_is_heard_once() -> None:
    assert heard([1, 2, 3, 4, 4, 5]) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("step", [0, 2, 20, -1, 160])
def test_numbers_that_do_not_count_packets_are_not_used(step: int) -> None:
    numbers = [100 + step * number for number in range(8)]
    packets = Packets(0)
    assert [len(list(packets.push(number, b"12"))) for number in numbers] == [1] * 8


def test_a_long_pause_of_the_stream_is_not_filled() -> None:
    assert heard([1, 2, 3, 4, 6 + MAX_LOST, 7 + MAX_LOST]) == [1, 2, 3, 4, 6 + MAX_LOST, 7 + MAX_LOST]


def test_without_numbers_packets_pass() -> None:
    assert heard([None, None]) == [0, 0]


@given(st.lists(st.integers(0, 60) | st.none() | st.integers(), max_size=60), st.sampled_from([0, MAX_LATE]))
def test_audio_is_bounded_by_what_came(numbers: list[int | None], late: int) -> None:
    packets = Packets(late)
    sizes = [len(list(packets.push(number, b"12"))) for number in numbers]
    assert all(size <= 1 + MAX_LOST + MAX_LATE for size in sizes)
