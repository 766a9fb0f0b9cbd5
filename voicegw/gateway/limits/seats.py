"""Seats: one for each session, from the admission of its client until the session and its last connection
have ended. Check and reservation are one step, so no other client can take the seat between them.

A detached session keeps its seat, which counts for its user and address, until a new session needs it. Then
the owner of the most seats loses a detached session first; an owner never loses one to an owner of more.
"""

import time
from collections import Counter
from collections.abc import Callable

from voicegw.errors import TooManyConnections
from voicegw.gateway.limits.admission import Admission
from voicegw.gateway.limits.rate_limits import LimitOptions


class Seat:
    """One seat, counted for `user` and `address`. `end_session` is called when the seat is evicted."""

    __slots__ = ("_holders", "_taken", "address", "detached_since", "end_session", "user")

    def __init__(self, taken: set["Seat"], user: str, address: str) -> None:
        self.user, self.address = user, address
        self.end_session: Callable[[], None] = lambda: None
        self.detached_since: float | None = None  # monotonic second; None unless detached
        self._taken = taken
        self._holders = 0

    @property
    def owner(self) -> tuple[str, str]:
        """The user, or the address when there is no user name."""
        return self.user, "" if self.user else self.address

    def mark_detached(self) -> None:
        """Records that its session has no connection from now on."""
        self.detached_since = time.monotonic()

    def hold(self) -> "Seat":
        """Adds a holder: a connection, or the session."""
        self._holders += 1
        return self

    def release(self) -> None:
        """Removes a holder; the last one frees the seat."""
        self._holders -= 1
        if self._holders <= 0:
            self._taken.discard(self)


class Seats:
    """The seats in use. admission: how many there may be, and whether the server accepts more."""

    def __init__(self, admission: Admission, limits: LimitOptions) -> None:
        self._admission = admission
        self._limits = limits
        self._taken: set[Seat] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def check_any(self) -> None:
        """Raises Draining, NotReady or AtCapacity unless a new session may be possible."""
        self._admission.check(sum(seat.detached_since is None for seat in self._taken))

    def check(self, user: str, address: str) -> None:
        """Raises as `take` does, without taking a seat."""
        self._evicted(Seat(self._taken, user, address), self._taken)

    def take(self, user: str, address: str, instead_of: Seat | None = None) -> Seat:
        """Takes a seat for a new session; the caller must hold it at once. May evict detached sessions.

        instead_of: the seat of an ended session to replace. Raises Draining, NotReady, AtCapacity or
        TooManyConnections, and then evicts nothing.
        """
        seat = Seat(self._taken, user, address)
        for evicted in self._evicted(seat, self._taken - {instead_of}):
            self._evict(evicted)
        self._taken -= {instead_of}
        self._taken.add(seat)
        return seat

    def check_move(self, seat: Seat, address: str) -> None:
        """Raises as `move` does, without moving the seat."""
        self._evicted_by_move(seat, address)

    def move(self, seat: Seat, address: str) -> None:
        """Counts the seat for another address of its client. Raises TooManyConnections."""
        for evicted in self._evicted_by_move(seat, address):
            self._evict(evicted)
        seat.address = address

    def _evicted_by_move(self, seat: Seat, address: str) -> set[Seat]:
        if address == seat.address:
            return set()
        moved = Seat(self._taken, seat.user, address)
        return self._over_limit(moved, self._taken - {seat}, "address", self._limits.address_open)

    def _evict(self, seat: Seat) -> None:
        self._taken.discard(seat)
        seat.end_session()

    def _evicted(self, new: Seat, taken: set[Seat]) -> set[Seat]:
        """The seats of `taken` to evict for the seat `new`. Raises as `take`."""
        evicted = self._over_limit(new, taken, "user", self._limits.user_open)
        evicted |= self._over_limit(new, taken - evicted, "address", self._limits.address_open)
        staying = taken - evicted
        evicted |= _detached_to_evict(new, staying, self._admission.max_sessions)
        self._admission.check(len(taken - evicted))
        return evicted

    def _over_limit(self, new: Seat, taken: set[Seat], scope: str, limit: int) -> set[Seat]:
        """The seats of the same user, or address, to evict for `new`. Raises TooManyConnections."""
        name = getattr(new, scope)
        if not name or not limit:
            return set()
        same_scope = {seat for seat in taken if getattr(seat, scope) == name}
        evicted = _detached_to_evict(new, same_scope, limit)
        if len(same_scope - evicted) >= limit:
            raise TooManyConnections(f"this {scope} has {limit} sessions open; more are not allowed")
        return evicted


def _detached_to_evict(new: Seat, taken: set[Seat], limit: int) -> set[Seat]:
    """The detached seats to evict so that at most `limit` are in use; fewer when there are not enough."""
    surplus = len(taken) + 1 - limit
    if surplus <= 0:
        return set()
    owned = Counter(seat.owner for seat in (*taken, new))
    detached = [
        seat for seat in taken if seat.detached_since is not None and owned[seat.owner] >= owned[new.owner]
    ]
    detached.sort(key=lambda seat: (-owned[seat.owner], seat.detached_since))
    return set(detached[:surplus])
