import pytest

from benchmarks.capacity.search import Search


def found(capacity: int, search: Search) -> tuple[int, list[int]]:
    """What the search finds with a server that holds so many, and what it tried."""
    tried: list[int] = []
    while (streams := search.next) is not None:
        tried.append(streams)
        search = search.tried(streams, streams <= capacity)
    return search.held, tried


@pytest.mark.parametrize("first", [1, 3, 8])
@pytest.mark.parametrize("capacity", range(20))
def test_finds_the_largest_number(capacity: int, first: int) -> None:
    assert found(capacity, Search(first))[0] == capacity


def test_doubles_and_then_halves_the_gap() -> None:
    assert found(11, Search())[1] == [1, 2, 4, 8, 16, 12, 10, 11]


def test_stops_at_the_limit() -> None:
    assert found(1000, Search(limit=12)) == (12, [1, 2, 4, 8, 12])


def test_large_numbers_are_found_to_one_in_twenty() -> None:
    held, tried = found(777, Search())
    assert 777 / 1.05 - 1 <= held <= 777
    assert len(tried) <= 16


def test_a_success_above_a_failure_does_not_count() -> None:
    search = Search().tried(2, True).tried(4, False).tried(8, True)
    assert (search.held, search.failed) == (2, 4)


def test_the_smallest_failure_counts() -> None:
    assert Search().tried(4, False).tried(8, False).failed == 4
