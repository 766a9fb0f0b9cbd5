"""The jobs of a gateway that have no answer yet, found by number, by session and by worker without a search
among all."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from voicegw.cluster.jobs.producer import Place
from voicegw.core.jobs import DecodeJob, DecodeKind, DecodeResult


@dataclass(slots=True, eq=False)
class Request:
    """A job without an answer. asked: the monotonic time of the request. place: where it is in Redis, once it
    is there; OpenRequests.move changes it. missed: the last look-up did not find it. whole: it must not omit
    audio, so any worker can decode it."""

    number: int
    job: DecodeJob
    answer: asyncio.Future[DecodeResult]
    asked: float
    place: Place | None = None
    missed: bool = False
    whole: bool = False

    @property
    def kind(self) -> DecodeKind:
        """That of its job."""
        return self.job.kind


class OpenRequests:
    """In the order in which they were added."""

    def __init__(self) -> None:
        self._requests: dict[int, Request] = {}
        self._by_session: dict[str, list[Request]] = {}
        self._by_worker = Counter[str]()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        """All of them."""
        return iter(self._requests.values())

    def get(self, number: int) -> Request | None:
        """The one with this number."""
        return self._requests.get(number)

    def of_session(self, session: str) -> tuple[Request, ...]:
        """Those for jobs of this session."""
        return tuple(self._by_session.get(session, ()))

    def count_at(self, worker: str) -> int:
        """How many are in a stream of this worker's own."""
        return self._by_worker[worker]

    def add(self, request: Request) -> None:
        """Adds one that is not in Redis yet."""
        self._requests[request.number] = request
        self._by_session.setdefault(request.job.session, []).append(request)

    def move(self, request: Request, place: Place | None) -> None:
        """Its job is there now. One that was removed is not counted."""
        if request.number in self._requests:
            self._count(request.place, -1)
            self._count(place, 1)
        request.place = place

    def remove(self, request: Request) -> None:
        """It is answered or given up."""
        del self._requests[request.number]
        self._count(request.place, -1)
        session = self._by_session[request.job.session]
        session.remove(request)
        if not session:
            del self._by_session[request.job.session]

    def _count(self, place: Place | None, change: int) -> None:
        if place is not None and place.worker:
            self._by_worker[place.worker] += change
            if not self._by_worker[place.worker]:
                del self._by_worker[place.worker]
