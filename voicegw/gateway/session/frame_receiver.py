"""Processes the frames of a client: decodes them with the codec of its dialect, checks them against its
limits and the scopes of its token, and passes them to the session. Only this module catches and reports bad
input.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

from voicegw.core import events
from voicegw.core.commands import Command, CreateReply, Refresh, Relay, TypeText
from voicegw.dialects.port import Audio, Codec, Opening, Received
from voicegw.errors import (
    InputError,
    InvalidState,
    LimitError,
    NoReply,
    OddByteCount,
    RateLimited,
    ReplyInProgress,
    StoreUnavailable,
    TooManyErrors,
    VoicegwError,
)
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.runner import SessionRunner

_UNAVOIDABLE = (NoReply, ReplyInProgress)  # a reply begins or ends while a message is on its way
_AHEAD_MS = 500  # of audio before a client in lock step waits
TURN_FRAMES = 20  # cost of a typed message, in frames, in addition to its own
RELAYED_BYTES = 1024  # of an answer by the codec, which cost a frame: a short message may have a long one


class FrameReceiver:
    """The receiver of one connection.

    max_errors: number of rejected messages that ends the session. charge: counts additional frames against
    the frame rate of the client. numbered: the session counts text frames, so that a client that reconnects
    knows which ones have arrived.
    """

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
        self._record, self._traffic = runner.record, runner.traffic
        self._context = context
        self._group = group
        self._max_errors = max_errors
        self._charge = charge
        self._numbered = numbered
        self._rejected = 0
        self._admitted: bool | None = None  # by the limits: the current frame; None until it is counted
        self._stopped = False
        self._renewal: asyncio.Task[None] | None = None

    def wait_s(self) -> float:
        """How long a client in lock step has to wait until its audio is not far ahead of real time; 0 for
        another one."""
        if not self._codec.lock_step:
            return 0.0
        return max(0.0, self._record.session.pace.ahead_ms(time.monotonic()) - _AHEAD_MS) / 1000

    def stop(self) -> None:
        """Ignores all further frames: the session may have another connection now."""
        self._stopped = True
        if self._renewal is not None:
            self._renewal.cancel()

    def receive(self, frame: str | bytes, now: float) -> Coroutine[Any, Any, None] | None:
        """Processes a frame that arrived at `now`; answers it with an error if it is invalid. Returns the
        work that is left if the frame has long audio; the caller awaits it. Other frames, which are nearly
        all, need no coroutine."""
        if self._stopped:
            return None
        self._record.alive_at = now
        is_text = isinstance(frame, str)
        self._traffic.received.add(len(frame), text=is_text)
        if is_text and self._numbered:
            self._runner.receive_message()
        self._admitted = None
        try:
            items = iter(self._codec.receive(frame))
            for item in items:
                if not isinstance(item, Audio):
                    if not self._receive_other(item, now):
                        return None
                elif len(item.data) <= self._context.piece_bytes:
                    self._receive_audio(item.data, now)
                else:
                    return self._receive_rest(item, items)
        except (InputError, LimitError) as error:
            self._reject(error)
        return None

    def _receive_other(self, item: Opening | Command, now: float) -> bool:
        """Returns False for a command over a limit. The rest of its frame is dropped too: in it a codec may
        note, or tell the client, that the command was performed."""
        if isinstance(item, Opening):
            raise InvalidState("the session is open already")
        if self._admitted is None:
            self._admitted = self._context.limiter.admit_message(now)
        if self._admitted:
            self._receive_command(item)
        else:
            self._traffic.input_dropped.labels("message").inc()
        return self._admitted

    async def _receive_rest(self, long_audio: Audio, others: Iterator[Received]) -> None:
        """Processes long audio in pieces, so that other sessions run in between, and what follows it. In lock
        step they are processed in real time, because one message may have more than the burst."""
        try:
            for item in itertools.chain((long_audio,), others):
                if not isinstance(item, Audio):
                    if not self._receive_other(item, time.monotonic()):
                        return
                    continue
                for piece in self._pieces(item.data):
                    if not self._stopped:
                        self._receive_audio(piece, time.monotonic())
                    await asyncio.sleep(self.wait_s())
        except (InputError, LimitError) as error:
            self._reject(error)

    def _pieces(self, audio: bytes) -> Iterable[bytes]:
        if len(audio) % self._context.sample_bytes:
            raise OddByteCount
        size = self._context.piece_bytes
        return (audio[begin : begin + size] for begin in range(0, len(audio), size))

    def _receive_audio(self, audio: bytes, now: float) -> None:
        """Replaces audio over a limit with silence, so that sample positions stay the same for both sides."""
        if not audio:
            raise OddByteCount("an empty frame")
        try:
            allowed = self._context.limiter.admit_audio(len(audio), now)
        except RateLimited as error:
            allowed = False
            self._reject(error)
        if not allowed:
            self._traffic.input_dropped.labels("audio").inc()
            audio = self._context.silence * len(audio)
        self._runner.receive_audio(audio, now)

    def _receive_command(self, command: Command) -> None:
        self._traffic.commands.labels(type(command).__name__).inc()
        self._context.check(command, self._runner.record.profile.reply)
        match command:
            case Refresh(token):
                if self._renewal is not None and not self._renewal.done():
                    raise InvalidState("another token is being checked")
                self._renewal = self._group.create_task(self._renew(token), name="renewal")
            case _:
                if frames := _additional_frames(command):
                    self._charge(frames)
                self._runner.receive_command(command)

    async def _renew(self, token: str) -> None:
        try:
            ttl_ms = await self._context.renew(token, lambda: self._runner.record.profile)
            self._runner.configure(self._context.identity.fixed)
            self._runner.emit(events.Refreshed(ttl_ms))
        except (InputError, StoreUnavailable) as error:
            self._report(error)

    def _reject(self, error: InputError | LimitError) -> None:
        """Reports rejected input; ends the session if the error has a close code."""
        if error.close_code is not None:
            self._runner.finish(error)
        else:
            self._report(error, self._codec.reference)

    def _report(self, error: VoicegwError, reference: str = "") -> None:
        """Reports an error; ends the session after too many of them."""
        self._runner.emit(events.Fault.of(error, reference))
        self._rejected += isinstance(error, InputError) and not isinstance(error, _UNAVOIDABLE)
        if self._rejected > self._max_errors:
            self._runner.finish(TooManyErrors())


def _additional_frames(command: Command) -> int:
    """The cost of a command in frames, in addition to its own."""
    match command:
        case TypeText() | CreateReply():
            return TURN_FRAMES
        case Relay(data):
            return len(data) // RELAYED_BYTES
        case _:
            return 0
