import asyncio
from random import Random
from typing import Any, cast

from tests.cluster.harness import PARTIAL, job
from voicegw.cluster.jobs.open_requests import OpenRequests, Request
from voicegw.cluster.jobs.producer import Place

WORKERS = ("", "one", "other")


def request(number: int, session: str) -> Request:
    return Request(number, job(number, PARTIAL, session), cast(Any, asyncio.Future), asked=0.0)


def place(worker: str) -> Place:
    return Place(cast(Any, None), "stream", "1-0", worker)


def test_any_changes_leave_what_a_search_among_all_finds() -> None:
    random, requests, kept = Random(1), OpenRequests(), list[Request]()
    for number in range(2_000):
        if random.random() < 0.5:
            kept.append(request(number, f"s{random.randrange(5)}"))
            requests.add(kept[-1])
        if kept:
            requests.move(random.choice(kept), random.choice((None, *map(place, WORKERS))))
        if kept and random.random() < 0.45:
            requests.remove(gone := kept.pop(random.randrange(len(kept))))
            requests.move(gone, place("one"))  # its command was in transit
        assert list(requests) == kept
        for session in {f"s{index}" for index in range(5)}:
            assert list(requests.of_session(session)) == [one for one in kept if one.job.session == session]
        for worker in WORKERS[1:]:
            there = [one for one in kept if one.place is not None and one.place.worker == worker]
            assert requests.count_at(worker) == len(there)
    assert requests.get(kept[0].number) is kept[0]
    for left in kept:
        requests.remove(left)
    assert len(requests) == 0
    assert not any((requests._by_session, requests._by_worker))
