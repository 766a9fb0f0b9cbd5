"""A session at `/v1/stream`: audio and requests in, typed messages out, across lost connections.

    async with VoiceClient.connect("ws://127.0.0.1:8765/v1/stream") as client:
        await client.send_audio(pcm)
        await client.end()
        async for message in client: ...

Sending and iterating may run in different tasks. When the connection is lost, iterating opens a new one,
receives the missed messages and sends again what the server has not acknowledged; iterating yields every
message once. `ready` with `resumed` false means that a new session has begun: its turns count from 1.

Every wait has a timeout: a server that sends nothing is detected (`clients.connection`), `reconnect_s` limits
the attempts to reconnect, and `settle_s` the time of the server after `end()`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Self

import msgspec

from clients.connection import Connection
from clients.connector import Connector, Token, ready_message
from clients.errors import ClientError, ConnectionLost, ProtocolError
from clients.resend_buffer import ResendBuffer
from clients.token_renewal import TokenRenewal
from voicegw.dialects import native

DEFAULT_URL = "ws://127.0.0.1:8765/v1/stream"
SETTLE_S = 60.0  # from `end` to the close: the open utterance and its reply
RECONNECT_S = 120.0  # as long as a server keeps the session of a lost connection
KEPT_S = 120  # unacknowledged audio that is kept
BURST_MARGIN_MS = 1_000  # for what is said while a new session is being opened
NORMAL_CLOSURE = 1000
FINAL_CLOSURES = {NORMAL_CLOSURE, 1002, 1003, 1007, 1008, 1009, 1010, 4001}  # reconnecting is pointless
_ACKNOWLEDGE_EVERY = 32
# these refer to the reply, the events or the token of one session
_OF_ONE_SESSION = (native.PlayedMessage, native.CancelMessage, native.AckMessage, native.RefreshMessage)

_encoder = msgspec.json.Encoder()


class VoiceClient:
    """An open session. ready: the server's last ready message, with session, epoch and limits."""

    def __init__(
        self,
        connector: Connector,
        connection: Connection,
        ready: native.ReadyMessage,
        resend_buffer: ResendBuffer,
        frame_bytes: int,
        settle_s: float,
        reconnect_s: float,
        on_audio: Callable[[bytes], None],
    ) -> None:
        self.ready = ready
        self._on_audio = on_audio
        self._connector = connector
        self._connection = connection
        self._resend_buffer = resend_buffer
        self._frame_bytes = frame_bytes
        self._settle_s = settle_s
        self._reconnect_s = reconnect_s
        self._settle_by: float | None = None  # event loop time; set by `end`
        self._waiting: asyncio.Timeout | None = None
        self._sending = asyncio.Lock()
        self._seen = ready.seq
        self._acknowledged = 0
        self._is_ready = True
        self._lost: ConnectionLost | None = None
        self._renewal = TokenRenewal(self._renew_token)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str = DEFAULT_URL,
        *,
        rate: int = 16_000,
        audio_format: str = "pcm_s16le",
        reply: str = "text",
        language: str = "",
        token: Token | None = None,
        settle_s: float = SETTLE_S,
        reconnect_s: float = RECONNECT_S,
        on_audio: Callable[[bytes], None] = lambda audio: None,
    ) -> AsyncIterator[Self]:
        """An open session, closed after the block.

        url: of the server, or of several separated by commas, tried in turn. language: ISO 639-1, "auto", or
        empty for the server's. token: authorises the client; or a function, async or not, for each connection
        and renewal. reconnect_s: how long to try to reconnect; 0 for not at all. on_audio: receives the audio
        of replies (reply="audio"), in order with the messages. Raises Refused, Unreachable or ConnectionLost.
        """
        query = {"rate": str(rate), "format": audio_format, "reply": reply, "lang": language}
        connector = Connector(url.split(","), {name: value for name, value in query.items() if value}, token)
        sample_bytes = 2 if audio_format == "pcm_s16le" else 1
        buffer, frame_bytes = ResendBuffer(sample_bytes, KEPT_S * rate), sample_bytes * rate // 10
        connection = await connector.open()
        client = None
        try:
            ready = await ready_message(connection)
            client = cls(connector, connection, ready, buffer, frame_bytes, settle_s, reconnect_s, on_audio)
            yield client
        finally:
            await (connection.close() if client is None else client._close())

    async def _close(self) -> None:
        await self._renewal.close()
        await self._connection.close()

    async def send_audio(self, frame: bytes) -> None:
        """Send any number of whole samples, at the rate and in the format the session was opened with, in
        messages of 100 ms."""
        for begin in range(0, len(frame), self._frame_bytes):
            await self._request(frame[begin : begin + self._frame_bytes])

    async def commit(self) -> None:
        """End the running utterance now, without waiting for silence."""
        await self._request(native.CommitMessage())

    async def cancel(self) -> None:
        """Stop the running reply."""
        await self._request(native.CancelMessage())

    async def say(self, text: str) -> None:
        """Send a typed message, which is answered like a spoken one."""
        await self._request(native.TextMessage(text=text))

    async def played(self, audio_ms: int, turn: int | None = None) -> None:
        """Report how much of a reply's audio has been played: of the reply to `turn`, or of the last one."""
        await self._request(native.PlayedMessage(audio_ms=audio_ms, turn=turn))

    async def configure(
        self,
        *,
        end_silence_ms: int | None = None,
        max_utterance_ms: int | None = None,
        partial_interval_ms: int | None = None,
        reply: bool | None = None,
        key_terms: Sequence[str] | None = None,
        language: str | None = None,
        instructions: str | None = None,
        tools: Sequence[str] | None = None,
        voice: str | None = None,
    ) -> None:
        """Change this session's settings; what is left out stays as it is."""
        await self._request(
            native.ConfigureMessage(
                end_silence_ms=end_silence_ms,
                max_utterance_ms=max_utterance_ms,
                partial_interval_ms=partial_interval_ms,
                reply=reply,
                key_terms=None if key_terms is None else tuple(key_terms),
                language=language,
                instructions=instructions,
                tools=None if tools is None else tuple(tools),
                voice=voice,
            )
        )

    async def end(self) -> None:
        """Report that nothing more will be sent; the server finishes open turns, then iteration ends."""
        await self._request(native.EndMessage())
        self._settle_by = asyncio.get_running_loop().time() + self._settle_s
        if self._waiting is not None:
            self._waiting.reschedule(self._settle_by)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> native.ServerMessage:
        """The server's next message, until the server closes the session normally.

        Raises ConnectionLost when the connection is lost and cannot be replaced, or the session is not
        finished in time after `end`, ProtocolError, and what the function that makes tokens raises.
        """
        try:
            async with asyncio.timeout_at(self._settle_by) as self._waiting:
                while True:
                    message = await self._receive()
                    if message is not None:
                        return message
        except TimeoutError:
            raise ConnectionLost(f"not finished in {self._settle_s:g} s after `end`") from None
        finally:
            self._waiting = None

    # --- receiving ---

    async def _receive(self) -> native.ServerMessage | None:
        """The next message; None for reply audio, for a message received before, and after a reconnect."""
        self._renewal.check()
        try:
            message = await self._connection.receive_message()
        except ConnectionLost as lost:
            if lost.close_code == NORMAL_CLOSURE:
                raise StopAsyncIteration from None
            self._renewal.check()
            await self._reconnect(lost)
            return None
        if isinstance(message, bytes):
            self._on_audio(message)
            return None
        return await self._handle(message)

    async def _handle(self, message: native.ServerMessage) -> native.ServerMessage | None:
        if isinstance(message, native.ReadyMessage):
            await self._resume(message)
        elif message.seq <= self._seen:
            return None
        if message.seq != self._seen + 1:
            raise ProtocolError(f"message {message.seq} came after message {self._seen}")
        self._seen = message.seq
        if isinstance(message, native.AckedMessage):
            self._resend_buffer.acknowledge(message.samples, message.messages)
        if isinstance(message, native.GoingAwayMessage):
            self._connector.set_retry_after(message.retry_after_ms)
        if isinstance(message, native.EndingMessage) and message.code == "token_expired":
            self._renewal.start()
        if self._is_ready and self._seen >= self._acknowledged + _ACKNOWLEDGE_EVERY:
            self._acknowledged = self._seen
            await self._send_now_or_later(native.AckMessage(seq=self._seen))
        return message

    async def _renew_token(self) -> None:
        """Sends a new token, if one can be made."""
        if (token := await self._connector.new_token()) is not None:
            await self._send_now_or_later(native.RefreshMessage(token=token))

    async def _send_now_or_later(self, message: native.ClientMessage) -> None:
        """Sends a message of the client itself now, or after the reconnect."""
        self._keep(message)
        with suppress(ConnectionLost):
            await self._send_pending()

    async def _resume(self, ready: native.ReadyMessage) -> None:
        """The server continues the same session from a position, or has started a new one."""
        self.ready = ready
        self._connector.receive_ready()
        if ready.resumed:
            self._resend_buffer.rewind(ready.next_sample, ready.next_message)
        else:
            burst_ms = ready.limits.max_burst_ms - BURST_MARGIN_MS
            self._resend_buffer.restart(burst_ms // 100 * self._frame_bytes)
            self._seen = self._acknowledged = 0
        self._is_ready = True
        with suppress(ConnectionLost):
            await self._send_pending()

    async def _reconnect(self, lost: ConnectionLost) -> None:
        """Opens a new connection, on which the ready message is still to come. Raises ConnectionLost."""
        began, self._is_ready = self._is_ready, False
        if lost.close_code in FINAL_CLOSURES or not self._reconnect_s:
            self._lost = lost
            raise lost
        query = {
            "session": self.ready.session,
            "epoch": str(self.ready.epoch),
            "last_seq": str(self._seen),
        }
        await self._connection.close()
        if not began or self._connection.silent_s is not None:
            self._connector.next_server()  # this one accepts connections, but does not answer
        try:
            self._connection = await self._connector.reopen(query, self._reconnect_s)
        except ClientError as error:
            self._lost = ConnectionLost(f"{lost}; then {error}", close_code=lost.close_code)
            raise self._lost from error

    # --- sending ---

    async def _request(self, message: native.ClientMessage | bytes) -> None:
        if self._lost is not None:
            raise self._lost
        self._keep(message)
        try:
            await self._send_pending()
        except ConnectionLost as lost:
            if not self._reconnect_s or lost.close_code in FINAL_CLOSURES:
                raise

    def _keep(self, message: native.ClientMessage | bytes) -> None:
        """Appends a message to those to send."""
        content = message if isinstance(message, bytes) else _encoder.encode(message).decode()
        self._resend_buffer.add(content, lasting=not isinstance(message, _OF_ONE_SESSION))

    async def _send_pending(self) -> None:
        """Sends all pending messages, unless there is no connection at the moment. Raises ConnectionLost when
        it is lost meanwhile: unsent messages are kept, and the iterating task reconnects."""
        async with self._sending:
            connection = self._connection
            for message in self._resend_buffer.pending():
                if not self._is_ready or connection is not self._connection:
                    return
                await connection.send_message(message)
