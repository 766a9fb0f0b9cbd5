"""Who is let in, in the order of what it costs: the cheap checks first, and what uses something up last.

A client is checked once it is known what it wants: before the upgrade where the request says so, else when
its first frames do. Both go through here, so that no dialect can leave a check out.
"""

from dataclasses import replace

from websockets.datastructures import Headers

from voicegw.core.commands import ReplyMode
from voicegw.dialects.port import Dialect, Opening, Resume
from voicegw.errors import AtCapacity
from voicegw.gateway.auth.access import Access
from voicegw.gateway.http.descriptors import Descriptors
from voicegw.gateway.http.limited_connection import LimitedConnection
from voicegw.gateway.limits.admission import Admission
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.services import Services
from voicegw.gateway.session.sessions import Guest, Sessions
from voicegw.gateway.session.tts_task import check_voice


class EntryChecks:
    """`sessions`: those that are here already, whose clients may come back for them."""

    def __init__(
        self,
        access: Access,
        admission: Admission,
        services: Services,
        sessions: Sessions,
        descriptors: Descriptors,
    ) -> None:
        self._access = access
        self._admission = admission
        self._services = services
        self._sessions = sessions
        self._descriptors = descriptors

    async def count(self, connection: LimitedConnection, headers: Headers) -> str:
        """The address that limits go by, with one connection more. Raises RateLimited."""
        return await self._access.count(connection.peer, headers)

    def check_connection(self, connection: LimitedConnection, headers: Headers) -> None:
        """What is checked of every connection before its upgrade. Raises OriginRefused or AtCapacity."""
        if self._descriptors.scarce(connection.descriptor):
            raise AtCapacity("the process has no file descriptor left for another session")
        self._access.check_origin(headers)

    def check_any(self) -> None:
        """Raises Draining, NotReady or AtCapacity unless there may be room for a client that is not known."""
        self._sessions.seats.check_any()

    async def admit(
        self, connection: LimitedConnection, dialect: Dialect, opening: Opening, address: str
    ) -> Guest:
        """Lets a client in; the connection holds its identity and its seat from now on.

        Raises the error by which it is refused: of its token, a limit, the load, or what it asks for.
        """
        profile, resume = opening.profile, opening.resume
        if profile.reply is ReplyMode.AUDIO:
            check_voice(self._services.voice)
        self._check_room(dialect, resume)
        identity = await self._access.identify(address, opening)
        if self._sessions.here(dialect, resume, identity.user) is None:
            self._sessions.seats.check(identity.user, identity.address)
        self._admission.check_rush()
        await self._access.settle(identity)
        self._admission.check_rush()  # all again, and at once: there were others in the meantime
        connection.hold_seat(self._seat(dialect, resume, identity.user, identity.address))
        self._admission.take()
        connection.identity = identity
        opening = replace(opening, profile=profile.configured(identity.fixed))
        return Guest(dialect, opening, identity.user, identity.address, connection.seat)

    def _check_room(self, dialect: Dialect, resume: Resume | None) -> None:
        """Whether there may be room at all, before anything is known of the client."""
        if self._sessions.here(dialect, resume) is None:
            self._sessions.seats.check_any()
        else:
            self._admission.check_ready()

    def _seat(self, dialect: Dialect, resume: Resume | None, user: str, address: str) -> Seat | None:
        """For a newcomer. Who comes back for a session that is here is given its seat, once it is found there
        still; at another address it has to count for that one."""
        if (runner := self._sessions.here(dialect, resume, user)) is None:
            return self._sessions.seats.take(user, address)
        self._admission.check_ready()
        self._sessions.seats.move(runner.seat, address)
        return None
