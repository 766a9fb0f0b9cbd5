"""The checks that admit a client: cheap checks first, and checks that consume something last.

A client is checked when its request is known: before the upgrade when the HTTP request states it, otherwise
after the first frames. Both cases use this module, so that no dialect can omit a check.
"""

from dataclasses import replace

from websockets.datastructures import Headers

from voicegw.core.commands import ReplyMode
from voicegw.dialects.port import Dialect, Opening, Resume
from voicegw.errors import AtCapacity
from voicegw.gateway.auth.access import Access
from voicegw.gateway.auth.authenticator import Identity
from voicegw.gateway.http.descriptors import Descriptors
from voicegw.gateway.http.limited_connection import LimitedConnection
from voicegw.gateway.limits.admission import Admission
from voicegw.gateway.limits.seats import Seat
from voicegw.gateway.services import Services
from voicegw.gateway.session.session_factory import SessionRequest
from voicegw.gateway.session.sessions import Sessions
from voicegw.gateway.session.tts_task import check_voice


class EntryChecks:
    """Applies access control, admission and seats to a client. sessions: those that it may resume. access,
    admission, services: for what answers the client."""

    def __init__(
        self,
        access: Access,
        admission: Admission,
        services: Services,
        sessions: Sessions,
        descriptors: Descriptors,
    ) -> None:
        self.access, self.admission, self.services = access, admission, services
        self._sessions = sessions
        self._descriptors = descriptors

    def check_connection(self, descriptor: int, headers: Headers) -> None:
        """Checks every connection before its request is served. Raises OriginRefused or AtCapacity."""
        if self._descriptors.is_reserved(descriptor):
            raise AtCapacity("the process has no file descriptor left for another session")
        self.access.check_origin(headers)

    def check_any(self) -> None:
        """Raises Draining, NotReady or AtCapacity unless an unknown client might be admitted."""
        self._sessions.seats.check_any()

    async def admit(
        self, connection: LimitedConnection, dialect: Dialect, opening: Opening, address: str
    ) -> SessionRequest:
        """Admits a client; stores its identity and its seat in the connection.

        Raises the error that refuses it: of the token, a limit, the load or the request.
        """
        identity = await self.check(dialect, opening, address)
        await self.access.consume_token(identity)
        self.admission.check_accept_rate()  # again, without a wait after it: others may have been admitted
        connection.hold_seat(self._seat(dialect, opening.resume, identity.user, identity.address))
        self.admission.take()
        connection.identity = identity
        opening = replace(opening, profile=opening.profile.configured(identity.fixed))
        return SessionRequest(dialect, opening, identity.user, identity.address, connection.seat)

    async def check(self, dialect: Dialect, opening: Opening, address: str) -> Identity:
        """The identity of a client that `admit` would admit. Raises as `admit`; takes no seat, and consumes
        no token."""
        resume = opening.resume
        if opening.profile.reply is ReplyMode.AUDIO:
            check_voice(self.services.voice)
        self._check_room(dialect, resume)
        identity = await self.access.identify(address, opening)
        if (runner := self._sessions.find_local(dialect, resume, identity.user)) is None:
            self._sessions.seats.check(identity.user, identity.address)
        else:
            self._sessions.seats.check_move(runner.seat, identity.address)
        self.admission.check_accept_rate()
        self.access.check_unused(identity)
        return identity

    def _check_room(self, dialect: Dialect, resume: Resume | None) -> None:
        """Raises as `check_any` before the identity is known, unless the session to resume is here."""
        if self._sessions.find_local(dialect, resume) is None:
            self._sessions.seats.check_any()
        else:
            self.admission.check_ready()

    def _seat(self, dialect: Dialect, resume: Resume | None, user: str, address: str) -> Seat | None:
        """A new seat. None for a session that is resumed here: it has a seat, which then counts for the new
        address."""
        if (runner := self._sessions.find_local(dialect, resume, user)) is None:
            return self._sessions.seats.take(user, address)
        self.admission.check_ready()
        self._sessions.seats.move(runner.seat, address)
        return None
