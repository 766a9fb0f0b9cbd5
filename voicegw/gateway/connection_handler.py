"""What happens to one upgraded connection: its client is admitted or refused, and its session is served."""

import asyncio
from contextlib import suppress

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from voicegw.dialects.port import Codec, Opening, refusal_code
from voicegw.errors import Draining, IdleTimeout, InvalidState, VoicegwError
from voicegw.gateway.auth.access import check_scopes
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.limited_connection import CLOSE_S, LimitedConnection, Upgrade
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.gateway.session.connection import Connection, ConnectionOptions
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.session_factory import SessionRequest
from voicegw.gateway.session.session_trace import connection_span
from voicegw.gateway.session.sessions import Sessions

_MAX_OPENING_FRAMES = 50  # within which the client must send its request


class ConnectionHandler:
    """Serves the WebSocket connections of all dialects.

    opening_timeout_ms: for the frames that open a session, where the HTTP request does not state it.
    """

    def __init__(
        self,
        options: ConnectionOptions,
        opening_timeout_ms: int,
        checks: EntryChecks,
        refusals: RefusalLog,
        sessions: Sessions,
    ) -> None:
        self._options = options
        self._opening_timeout_s = opening_timeout_ms / 1000
        self._checks = checks
        self._refusals = refusals
        self._sessions = sessions

    async def handle(self, socket: ServerConnection) -> None:
        """Serves a connection from its upgrade to its end."""
        assert isinstance(socket, LimitedConnection)
        assert socket.upgrade is not None
        traced = connection_span(socket, socket.upgrade.dialect.name)
        socket.clear_handshake()
        try:
            with traced:
                request = socket.upgrade.session_request or await self._admit(socket, socket.upgrade)
                await self._serve(socket, socket.upgrade, request)
        except VoicegwError as error:
            await self._refuse(socket, socket.upgrade, error)
        except ConnectionClosed:
            pass  # before the client sent its request
        finally:
            socket.hold_seat(None)
            socket.finish_handshake()
        self._sessions.end_excess_detached()

    async def _admit(self, socket: LimitedConnection, upgrade: Upgrade) -> SessionRequest:
        """Admits a client by its first frames. Raises the error that refuses it."""
        try:
            async with asyncio.timeout(self._opening_timeout_s):
                opening = await _receive_opening(socket, upgrade.codec)
                request = await self._checks.admit(socket, upgrade.dialect, opening, upgrade.address)
        except TimeoutError:
            raise IdleTimeout("the client did not send its request in time") from None
        socket.finish_handshake()
        return request

    async def _serve(self, socket: LimitedConnection, upgrade: Upgrade, request: SessionRequest) -> None:
        """Attaches the connection to its session until its end. Raises the error when the session cannot be
        opened."""
        identity, codec = socket.identity, upgrade.codec
        assert identity is not None, "an admitted client has an identity"
        runner, after = await self._sessions.open(request)
        socket.hold_seat(runner.seat)
        codec.fix(identity.fixed)
        check_scopes(identity, runner.record.profile)  # an opening does not state that of a resumed session
        if after is not None:  # a new session has these properties already
            runner.configure(identity.fixed)
        record = runner.record
        context = ConnectionContext.of(self._checks.access, identity, record.profile, record.quota)
        admission = self._checks.admission
        if admission.draining:
            runner.drain(admission.retry_after_ms(Draining()))
        await Connection(
            *(socket, codec, runner, context, self._options, socket.charge),
            after=after,
            resumable=request.dialect.resumable,
        ).run()

    async def _refuse(self, socket: LimitedConnection, upgrade: Upgrade, error: VoicegwError) -> None:
        self._refusals.report(error, upgrade.address)
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                for frame in upgrade.codec.refuse(error):
                    await socket.send(frame.data, text=frame.text)
        await socket.close(refusal_code(error), error.code)


async def _receive_opening(socket: ServerConnection, codec: Codec) -> Opening:
    """The request in the first frames of a client. Raises InputError and ConnectionClosed."""
    for _ in range(_MAX_OPENING_FRAMES):
        for received in codec.receive(await socket.recv()):
            if not isinstance(received, Opening):
                raise InvalidState("the first message must open a session")
            return received
    raise InvalidState(f"none of the first {_MAX_OPENING_FRAMES} messages opens a session")
