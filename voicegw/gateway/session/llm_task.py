"""The requests to the language model that one session asks for, one at a time.

An attempt that was begun ahead of its turn stays around, finished or not, until the turn is certain or the
attempt is stopped: only then is it known whether the work was wasted.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import structlog

from voicegw.core.actions import Respond
from voicegw.core.chat_history import CHARACTERS_PER_TOKEN, characters_of, reply_messages
from voicegw.core.events import Message, ReplyNotice, ReplyPiece, ToolAnswered, ToolCalled
from voicegw.core.responder import ModelUsage, ReplyRequest
from voicegw.errors import InternalError, RateLimited, ReplyError, VoicegwError
from voicegw.gateway.limits.session_limiter import SessionLimiter
from voicegw.gateway.services import Services
from voicegw.gateway.session.driver import Driver

log = structlog.get_logger(__name__)

_PART_CHARACTERS = 4_000  # of a text that a session is given at once: some 5 ms of work at the most

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


@dataclass(slots=True)
class _Attempt:
    """A reply under way. tokens: pieces that the model has written, about one for each token. counted: tokens
    of the last request that the limiter knows of; reported: whether the endpoint has said how many."""

    request: Respond
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)
    tokens: int = 0
    counted: float = 0.0
    reported: bool = False


class LLMTask:
    """`spawn` starts a task that ends with the session. limiter: counts what the client that is attached, or
    was attached last, uses."""

    def __init__(
        self,
        driver: Driver,
        services: Services,
        user: str,
        spawn: Spawn,
        limiter: SessionLimiter | None = None,
    ) -> None:
        self._driver = driver
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
        """Asks the model; what it writes is handed to the session."""
        self._attempt = attempt = _Attempt(request)
        if not request.speculative:
            attempt.confirmed.set()
        self._task = self._spawn(self._run(attempt), "reply")

    def confirm(self) -> None:
        """The turn of the running attempt is certain."""
        if self._attempt is not None:
            self._attempt.confirmed.set()

    def stop(self) -> None:
        """Cancels the running attempt, by which its connection to the model is closed."""
        if self._task is not None:
            self._task.cancel()

    async def settle(self) -> None:
        """Reports what is still owed to the shared counters, once the session is over."""
        if self.limiter is not None:
            await self.limiter.settle(time.monotonic())

    async def _run(self, attempt: _Attempt) -> None:
        try:
            error = await self._write(attempt)
            ended = self._session.replies.receive_end
            self._driver.receive(ended, attempt.request.attempt, error, time.monotonic())
            if error is None:
                await attempt.confirmed.wait()
        finally:
            self._metrics.observe_attempt(
                speculative=attempt.request.speculative,
                used=attempt.confirmed.is_set(),
                tokens=attempt.tokens,
            )

    async def _write(self, attempt: _Attempt) -> VoicegwError | None:
        """Hands on what the model writes; the error that ended it early."""
        request = attempt.request
        said: list[ReplyPiece] = []
        try:
            await self._charge_prompt(attempt, request.messages)
            asked = ReplyRequest(request.messages, request.tools, self._user, self._session.name)
            async with aclosing(self._responder.respond(asked, attempt.confirmed)) as pieces:
                async for piece in pieces:
                    self._count(attempt, piece)
                    if isinstance(piece, ModelUsage):
                        continue
                    await self._hand_on(request.attempt, piece)
                    said.append(piece)
                    if _leads_to_another_request(said):
                        await self._charge_prompt(attempt, (*request.messages, *reply_messages(said)))
        except (ReplyError, RateLimited) as failure:
            return failure
        except Exception:  # a broken responder costs its reply, not the session
            log.exception("responder failed", session=self._session.name)
            return InternalError("the responder failed")
        return None

    async def _hand_on(self, attempt: int, piece: ReplyPiece) -> None:
        """Gives the session a piece; a long text in parts, and other sessions have their turn in between."""
        for part in _parts(piece):
            self._driver.receive(self._session.replies.receive_piece, attempt, part, time.monotonic())
            if part is not piece:
                await asyncio.sleep(0)

    async def _charge_prompt(self, attempt: _Attempt, messages: Sequence[Message]) -> None:
        """Raises RateLimited when the model may not be asked."""
        characters = self._declared + characters_of(messages)
        attempt.counted, attempt.reported = characters / CHARACTERS_PER_TOKEN, False
        if self.limiter is not None:
            await self.limiter.admit_reply(characters, time.monotonic())

    def _count(self, attempt: _Attempt, piece: ReplyPiece | ModelUsage) -> None:
        attempt.tokens += isinstance(piece, str)
        tokens = _tokens(attempt, piece)
        attempt.counted += tokens
        if self.limiter is not None and tokens:
            self.limiter.count_reply(tokens, time.monotonic())


def _tokens(attempt: _Attempt, piece: ReplyPiece | ModelUsage) -> float:
    """What a piece adds to the tokens of its request: estimated, and what the endpoint says beyond that."""
    match piece:
        case str():
            return len(piece) / CHARACTERS_PER_TOKEN
        case ToolCalled() if not attempt.reported:
            return len(piece.arguments) / CHARACTERS_PER_TOKEN
        case ModelUsage(hidden, reported):
            attempt.reported = attempt.reported or reported > 0
            estimated = hidden / CHARACTERS_PER_TOKEN
            return max(estimated, reported - attempt.counted)
        case _:
            return 0.0


def _parts(piece: ReplyPiece) -> Sequence[ReplyPiece]:
    if not isinstance(piece, str) or len(piece) <= _PART_CHARACTERS:
        return (piece,)
    return [piece[begin : begin + _PART_CHARACTERS] for begin in range(0, len(piece), _PART_CHARACTERS)]


def _leads_to_another_request(said: Sequence[ReplyPiece]) -> bool:
    """Whether the model is asked again now: it has failed, or the last of these pieces answers the last open
    tool call."""
    if isinstance(said[-1], ReplyNotice):
        return said[-1].asks_again
    if not isinstance(said[-1], ToolAnswered):
        return False
    answered = {piece.id for piece in said if isinstance(piece, ToolAnswered)}
    return all(piece.id in answered for piece in said if isinstance(piece, ToolCalled))
