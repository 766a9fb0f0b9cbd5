"""The LLM requests of one session, one at a time.

A speculative attempt is kept, finished or not, until its turn is confirmed or the attempt is stopped: only
then is it known whether its reply is used.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import structlog

from voicegw.core.actions import Respond
from voicegw.core.chat_history import reply_messages
from voicegw.core.history_length import CHARACTERS_PER_TOKEN, characters_of
from voicegw.core.messages import Message, ReplyNotice, ReplyPiece, TokenUsage, ToolAnswered, ToolCalled
from voicegw.core.responder import ModelUsage, ReplyRequest
from voicegw.errors import InternalError, RateLimited, ReplyError, VoicegwError
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.driver import Driver

log = structlog.get_logger(__name__)

_PART_CHARACTERS = 4_000  # longest text passed to a session at one time: at most about 5 ms of work

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


@dataclass(slots=True)
class _Attempt:
    """A running reply. tokens: pieces that the model has written, about one for each token. counted: tokens
    of the last request that the limiter has counted. reported: whether the endpoint has reported its
    usage; used: that of all requests."""

    request: Respond
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: int = 0
    counted: float = 0.0
    reported: bool = False
    used: TokenUsage | None = None


class LLMTask:
    """spawn: starts a task that ends with the session. limiter: of the current or last connection. saved:
    waits until the events so far are saved."""

    def __init__(
        self,
        driver: Driver,
        services: Services,
        user: str,
        spawn: Spawn,
        limiter: SessionLimiter,
        saved: Callable[[], Awaitable[None]],
    ) -> None:
        self._driver = driver
        self._saved = saved
        self._user = user
        self._session = driver.session
        self._responder = services.responder
        self._metrics = services.metrics
        self._spawn = spawn
        self._declared = services.declared
        self.limiter = limiter
        self._attempt: _Attempt | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, request: Respond) -> None:
        """Starts a request to the model; passes its reply to the session."""
        self._attempt = attempt = _Attempt(request)
        if not request.speculative:
            attempt.confirmed.set()
        self._task = self._spawn(self._run(attempt), "reply")

    def confirm(self) -> None:
        """The turn of the running attempt is confirmed."""
        if self._attempt is not None:
            self._attempt.confirmed.set()

    def stop(self) -> None:
        """Cancels the running attempt; this closes its connection to the model."""
        if self._task is not None:
            self._task.cancel()

    async def report_use(self) -> None:
        """Reports the remaining use to the shared counters at the end of the session."""
        await self.limiter.report(time.monotonic())

    async def _run(self, attempt: _Attempt) -> None:
        try:
            error = await self._write(attempt)
            ended = self._session.replies.receive_end
            number, used = attempt.request.attempt, attempt.used
            self._driver.receive(ended, number, error, time.monotonic(), used)
            if error is None:
                await attempt.confirmed.wait()
        finally:
            self._metrics.observe_attempt(
                speculative=attempt.request.speculative,
                used=attempt.confirmed.is_set(),
                tokens=attempt.tokens,
            )

    async def _write(self, attempt: _Attempt) -> VoicegwError | None:
        """Passes the reply of the model to the session; returns the error that ended it early."""
        request = attempt.request
        pieces_so_far: list[ReplyPiece] = []
        try:
            await self._charge_prompt(attempt, request.messages)
            caller = self._user, self._session.name
            asked = ReplyRequest(request.messages, request.tools, *caller, request.parameters)
            async with aclosing(self._responder.respond(asked, attempt.confirmed)) as pieces:
                async for piece in pieces:
                    self._count(attempt, piece)
                    if isinstance(piece, ModelUsage):
                        continue
                    await self._deliver(request.attempt, piece)
                    pieces_so_far.append(piece)
                    if isinstance(piece, ToolCalled):
                        await self._saved()  # before the tool starts, so that no other gateway starts it, too
                    if _leads_to_another_request(pieces_so_far):
                        await self._charge_prompt(
                            attempt, (*request.messages, *reply_messages(pieces_so_far))
                        )
        except (ReplyError, RateLimited) as failure:
            return failure
        except Exception:  # a failed responder ends its reply, not the session
            log.exception("responder failed", session=self._session.name)
            return InternalError("the responder failed")
        return None

    async def _deliver(self, attempt: int, piece: ReplyPiece) -> None:
        """Passes a piece to the session; a long text in parts, so that other sessions run in between."""
        for part in _parts(piece):
            self._driver.receive(self._session.replies.receive_piece, attempt, part, time.monotonic())
            if part is not piece:
                await asyncio.sleep(0)

    async def _charge_prompt(self, attempt: _Attempt, messages: Sequence[Message]) -> None:
        """Counts a prompt. Raises RateLimited when the model may not be called."""
        tools = attempt.request.parameters.tools
        declared = sum(len(each.name) + len(each.description) + len(each.parameters) for each in tools)
        characters = self._declared + declared + characters_of(messages)
        attempt.counted, attempt.reported = characters / CHARACTERS_PER_TOKEN, False
        self._metrics.llm_tokens.labels("prompt").inc(attempt.counted)
        await self.limiter.admit_reply(characters, time.monotonic())

    def _count(self, attempt: _Attempt, piece: ReplyPiece | ModelUsage) -> None:
        attempt.tokens += isinstance(piece, str)
        if isinstance(piece, ModelUsage) and piece.tokens:
            used = attempt.used or TokenUsage()
            prompt = used.prompt + piece.tokens - piece.written
            attempt.used = TokenUsage(prompt, used.written + piece.written)
        tokens = _tokens(attempt, piece)
        attempt.counted += tokens
        if tokens > 0:
            self._metrics.llm_tokens.labels("completion").inc(tokens)
        if tokens:
            self.limiter.count_reply(tokens, time.monotonic())


def _tokens(attempt: _Attempt, piece: ReplyPiece | ModelUsage) -> float:
    """The tokens that a piece adds: estimated, or as reported by the endpoint beyond the estimate."""
    match piece:
        case str():
            return len(piece) / CHARACTERS_PER_TOKEN
        case ToolCalled() if not attempt.reported:
            return len(piece.arguments) / CHARACTERS_PER_TOKEN
        case ModelUsage(hidden, reported, _):
            attempt.reported = attempt.reported or reported > 0
            estimated = hidden / CHARACTERS_PER_TOKEN
            return max(estimated, reported - attempt.counted)
        case _:
            return 0.0


def _parts(piece: ReplyPiece) -> Sequence[ReplyPiece]:
    if not isinstance(piece, str) or len(piece) <= _PART_CHARACTERS:
        return (piece,)
    return [piece[begin : begin + _PART_CHARACTERS] for begin in range(0, len(piece), _PART_CHARACTERS)]


def _leads_to_another_request(pieces_so_far: Sequence[ReplyPiece]) -> bool:
    """Whether another request follows: the model has failed, or the last piece answers the last open tool
    call."""
    if isinstance(pieces_so_far[-1], ReplyNotice):
        return pieces_so_far[-1].asks_again
    if not isinstance(pieces_so_far[-1], ToolAnswered):
        return False
    answered = {piece.id for piece in pieces_so_far if isinstance(piece, ToolAnswered)}
    return all(piece.id in answered for piece in pieces_so_far if isinstance(piece, ToolCalled))
