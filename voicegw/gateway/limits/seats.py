"""Seats. A session has one from the moment its client is let in until the session and its last connection are
gone: it is taken when it is checked, so that nothing comes between the two.

A session that waits for its client keeps its seat, which counts for its user and its address like any other,
until a newcomer needs it. The owner of most seats gives one up first, and nobody does for an owner of more.
"""

import time
from collections import Counter
from collections.abc import Callable

from voicegw.errors import TooManyConnections
from voicegw.gateway.limits.admission import Admission
from voicegw.gateway.limits.rate_limits import LimitOptions


class Seat:
    """`user` and `address` for which it counts. `end_session` is called when a newcomer gets it."""

    __slots__ = ("_holders", "_taken", "address", "end_session", "user", "waits_since")

    def __init__(self, taken: set["Seat"], user: str, address: str) -> None:
        self.user, self.address = user, address
        self.end_session: Callable[[], None] = lambda: None
        self.waits_since: float | None = None  # monotonic second; None while a client is here or on its way
        self._taken = taken
        self._holders = 0

    @property
    def owner(self) -> tuple[str, str]:
        """The user, or the address of those who have no name."""
        return self.user, "" if self.user else self.address

    def wait(self) -> None:
        """Its session has no connection."""
        self.waits_since = time.monotonic()

    def hold(self) -> "Seat":
        """One more needs it: a connection, or the session."""
        self._holders += 1
        return self

    def release(self) -> None:
        """One of them is gone; the last one leaves it empty."""
        self._holders -= 1
        if self._holders <= 0:
            self._taken.discard(self)


class Seats:
    """The seats that are taken. `admission` says how many there are, and whether the server can bear more."""

    def __init__(self, admission: Admission, limits: LimitOptions) -> None:
        self._admission = admission
        self._limits = limits
        self._taken: set[Seat] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def check_any(self) -> None:
        """Raises Draining, NotReady or AtCapacity unless there may be room for a newcomer."""
        self._admission.check(sum(seat.waits_since is None for seat in self._taken))

    def check(self, user: str, address: str) -> None:
        """Raises as `take` does, taking nothing."""
        self._leaving(Seat(self._taken, user, address), self._taken)

    def take(self, user: str, address: str, instead_of: Seat | None = None) -> Seat:
        """A seat for a session that is to begin, to be held at once; `instead_of` that of one that is over.
        Raises Draining, NotReady, AtCapacity or TooManyConnections, and then nobody has lost a seat."""
        seat = Seat(self._taken, user, address)
        for leaving in self._leaving(seat, self._taken - {instead_of}):
            self._vacate(leaving)
        self._taken -= {instead_of}
        self._taken.add(seat)
        return seat

    def move(self, seat: Seat, address: str) -> None:
        """The client of a seat's session comes from this address now. Raises TooManyConnections."""
        if address != seat.address:
            moved = Seat(self._taken, seat.user, address)
            for leaving in self._surplus(moved, self._taken - {seat}, "address", self._limits.address_open):
                self._vacate(leaving)
            seat.address = address

    def _vacate(self, seat: Seat) -> None:
        self._taken.discard(seat)
        seat.end_session()

    def _leaving(self, newcomer: Seat, taken: set[Seat]) -> set[Seat]:
        """Those of `taken` that have to be given up for a newcomer. Raises as `take`."""
        leaving = self._surplus(newcomer, taken, "user", self._limits.user_open)
        leaving |= self._surplus(newcomer, taken - leaving, "address", self._limits.address_open)
        staying = taken - leaving
        leaving |= _given_up(newcomer, staying, self._admission.max_sessions)
        self._admission.check(len(taken - leaving))
        return leaving

    def _surplus(self, newcomer: Seat, taken: set[Seat], scope: str, limit: int) -> set[Seat]:
        """Those that the newcomer's user, or its address, has to give up. Raises TooManyConnections."""
        name = getattr(newcomer, scope)
        if not name or not limit:
            return set()
        rivals = {seat for seat in taken if getattr(seat, scope) == name}
        leaving = _given_up(newcomer, rivals, limit)
        if len(rivals - leaving) >= limit:
            raise TooManyConnections(f"this {scope} has {limit} sessions open; more are not allowed")
        return leaving


def _given_up(newcomer: Seat, taken: set[Seat], limit: int) -> set[Seat]:
    """The waiting seats, as many as there are, to be given up so that no more than `limit` are taken."""
    surplus = len(taken) + 1 - limit
    if surplus <= 0:
        return set()
    owned = Counter(seat.owner for seat in (*taken, newcomer))
    waiting = [
        seat for seat in taken if seat.waits_since is not None and owned[seat.owner] >= owned[newcomer.owner]
    ]
    waiting.sort(key=lambda seat: (-owned[seat.owner], seat.waits_since))
    return set(waiting[:surplus])
