"""What a client sends, frame by frame: decoded by its dialect's codec, held against its limits and the scopes
of its token, and handed to the session. The one place where bad input is caught and answered.
"""

import asyncio
import time
from collections.abc import Callable

from voicegw.core import events
from voicegw.core.commands import Command, Refresh, TypeText
from voicegw.dialects.port import Audio, Codec, Opening, Received
from voicegw.errors import (
    InputError,
    InvalidState,
    LimitError,
    OddByteCount,
    RateLimited,
    StoreUnavailable,
    TooManyErrors,
    VoicegwError,
)
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.runner import SessionRunner

_TURN_FRAMES = 20  # that the work on a typed message counts for, beside its own


class FrameReceiver:
    """Of one connection. max_errors: rejected messages after which the session ends. charge: makes the
    client's next frames wait as if it had sent so many more. numbered: the session counts text frames, so
    that a client that comes back knows which of its own have arrived."""

    def __init__(
        self,
        codec: Codec,
        runner: SessionRunner,
        context: ConnectionContext,
        group: asyncio.TaskGroup,
        max_errors: int,
        charge: Callable[[int], None],
        *,
        numbered: bool,
    ) -> None:
        self._codec = codec
        self._runner = runner
        self._context = context
        self._group = group
        self._max_errors = max_errors
        self._charge = charge
        self._numbered = numbered
        self._rejected = 0
        self._stopped = False
        self._renewal: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Takes in nothing more: the session may have another connection now."""
        self._stopped = True
        if self._renewal is not None:
            self._renewal.cancel()

    async def receive(self, frame: str | bytes) -> None:
        """Takes in one frame; whatever is wrong with it is answered."""
        if self._stopped:
            return
        now = self._runner.record.activity.alive_at = time.monotonic()
        if self._numbered and isinstance(frame, str):
            self._runner.receive_message()
        try:
            for received in self._codec.receive(frame):
                if isinstance(received, Audio) and len(received.data) > self._context.piece_bytes:
                    await self._receive_long(received.data)
                else:
                    self._take(received, now)
        except (InputError, LimitError) as error:
            self._reject(error)

    def _take(self, received: Received, now: float) -> None:
        match received:
            case Audio(data):
                self._receive_audio(data, now)
            case Opening():
                raise InvalidState("the session is open already")
            case _:
                if self._context.limiter.admit_message(now):
                    self._receive_command(received)

    async def _receive_long(self, audio: bytes) -> None:
        """Takes in much audio piece by piece, so that other sessions have their turn in between."""
        if len(audio) % self._context.sample_bytes:
            raise OddByteCount
        size = self._context.piece_bytes
        for begin in range(0, len(audio), size):
            if not self._stopped:
                self._receive_audio(audio[begin : begin + size], time.monotonic())
            await asyncio.sleep(0)

    def _receive_audio(self, audio: bytes, now: float) -> None:
        """Audio over a limit is heard as silence: positions stay what they are for both sides."""
        if not audio:
            raise OddByteCount("an empty frame")
        try:
            allowed = self._context.limiter.admit_audio(len(audio), now)
        except RateLimited as error:
            allowed = False
            self._reject(error)
        self._runner.receive_audio(audio if allowed else self._context.silence * len(audio))

    def _receive_command(self, command: Command) -> None:
        self._context.check(command, self._runner.profile.reply)
        match command:
            case Refresh(token):
                if self._renewal is not None and not self._renewal.done():
                    raise InvalidState("another token is being looked at")
                self._renewal = self._group.create_task(self._renew(token), name="renewal")
            case _:
                if isinstance(command, TypeText):
                    self._charge(_TURN_FRAMES)
                self._runner.receive_command(command)

    async def _renew(self, token: str) -> None:
        try:
            ttl_ms = await self._context.renew(token, lambda: self._runner.profile)
            self._runner.configure(self._context.identity.fixed)
            self._runner.emit(events.Refreshed(ttl_ms))
        except (InputError, StoreUnavailable) as error:
            self._report(error)

    def _reject(self, error: InputError | LimitError) -> None:
        """What is not accepted is answered, and ends the session if its class says so."""
        if error.close_code is not None:
            self._runner.finish(error)
        else:
            self._report(error)

    def _report(self, error: VoicegwError) -> None:
        """Says what was wrong, so many times and no more."""
        self._runner.emit(events.Fault.of(error))
        self._rejected += isinstance(error, InputError)
        if self._rejected > self._max_errors:
            self._runner.finish(TooManyErrors())
