"""What is done when the model endpoint is in trouble, as a responder around the endpoints' own.

A request that fails before its first token is made again on the same endpoint where that may help, then on
the second endpoint, where there is one; one that keeps failing is left alone for a while (breaker.py), and so
is one that asks for it (Retry-After). A reply that has begun is never begun again: nobody hears the same
words twice. When nothing helps the reply fails, with the error of the last endpoint asked: the offline
responder never poses as the model. Each remedy is a notice to the client, a metric and a line in the log.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import structlog

from voicegw.core.dialogue import Confirmation, ModelUsage, ReplyRequest, Responder
from voicegw.core.events import ReplyNotice, ReplyPiece
from voicegw.core.options import option
from voicegw.errors import (
    LLMBroken,
    LLMEmpty,
    LLMFiltered,
    LLMInterrupted,
    LLMReasoningOnly,
    LLMRejected,
    LLMTimeout,
    LLMTokenLimit,
    LLMUnavailable,
    LLMUnreachable,
    ReplyError,
)
from voicegw.reply.llm.circuit_breaker import Breaker, BreakerOptions, Effect, State
from voicegw.reply.llm.endpoint_errors import report
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_WORTH_REPEATING = {LLMTimeout, LLMUnreachable, LLMInterrupted, LLMBroken, LLMEmpty, LLMReasoningOnly}
# Errors of an endpoint that is there and has worked on the request.
_ANSWERS = (LLMRejected, LLMEmpty, LLMReasoningOnly, LLMTokenLimit, LLMFiltered)
_SHORT_REST_S = 5.0  # people would rather wait so long than have no reply
_NAMES = ("first", "second")
_STOPPED, _ANSWERED = "stopped", "answered"


@dataclass(frozen=True, slots=True)
class FailoverOptions:
    """What is done when the model endpoint is in trouble."""

    retries: int = option(1, "times a request is made again that failed before its first token", ge=0, le=5)
    ready_wait_ms: int = option(
        30_000, "how long readiness waits for the model endpoint's first answer", ge=0, le=3_600_000
    )
    breaker: BreakerOptions = field(default_factory=BreakerOptions)


class Endpoint(Responder, Protocol):
    """A responder that is one endpoint. answered: whether it ever has; url: where it is, fit to be shown."""

    answered: bool
    url: str

    async def warm(self, request: ReplyRequest) -> None:
        """Makes a minimal request. Raises a ReplyError."""
        ...


class FailoverResponder:
    """Asks the first of `responders`, and the second when that one fails."""

    def __init__(self, responders: Sequence[Endpoint], options: FailoverOptions, metrics: Metrics) -> None:
        self.name = responders[0].name
        self._retries = options.retries
        self._metrics = metrics
        self._endpoints = [
            _Guarded(name, responder, options.breaker, metrics)
            for name, responder in zip(_NAMES, responders, strict=False)
        ]

    @property
    def answered(self) -> bool:
        """Whether any endpoint has ever answered."""
        return any(endpoint.responder.answered for endpoint in self._endpoints)

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply of the first endpoint that gives one, with notices in front of it for what it took.

        Raises the error of the endpoint asked last, or LLMUnavailable when all are left alone.
        """
        failure: ReplyError | None = None
        asked: _Guarded | None = None
        tries = [(each, False) for each in self._endpoints for _ in range(1 + self._retries)]
        for endpoint, rested in chain(tries, self._after_a_short_rest()):
            again = endpoint is asked
            if again and not rested and type(failure) not in _WORTH_REPEATING:
                continue
            if rested:
                await endpoint.rest()
            if (left_alone := endpoint.left_alone(time.monotonic())) is not None:
                failure = failure or left_alone
                continue
            if failure is not None:
                yield self._remedy(failure, "retry" if again or rested else "switch", endpoint)
            asked, begun = endpoint, False
            try:
                async with aclosing(endpoint.ask(request, confirmed)) as pieces:
                    async for piece in pieces:
                        begun = begun or not isinstance(piece, ReplyNotice | ModelUsage)
                        yield piece
                return
            except ReplyError as error:
                if begun:
                    raise
                failure = error
        assert failure is not None, "every endpoint was asked, or left alone"
        raise failure

    def _after_a_short_rest(self) -> "Iterator[tuple[_Guarded, bool]]":
        """One more try when all have failed: of the endpoint whose rest ends first, if it ends soon."""
        now = time.monotonic()
        resting = [endpoint for endpoint in self._endpoints if 0 < endpoint.rest_s(now) <= _SHORT_REST_S]
        if resting:
            yield min(resting, key=lambda endpoint: endpoint.rest_s(now)), True

    def _remedy(self, failure: ReplyError, remedy: str, endpoint: "_Guarded") -> ReplyNotice:
        self._metrics.llm_remedies.labels(remedy).inc()
        log.info("the model is asked again", remedy=remedy, endpoint=endpoint.name)
        if remedy == "retry":
            return ReplyNotice(failure.code, f"the {endpoint.name} endpoint is asked again", asks_again=True)
        return ReplyNotice(failure.code, f"the {endpoint.name} endpoint is asked instead", asks_again=True)

    async def prewarm(self, request: ReplyRequest) -> None:
        """Prewarms the endpoint that the next reply would ask; never raises."""
        for endpoint in self._endpoints:
            if endpoint.breaker.state is State.CLOSED and not endpoint.rest_s(time.monotonic()):
                await endpoint.responder.prewarm(request)
                return

    async def warm(self, request: ReplyRequest) -> None:
        """Makes a minimal request of the endpoints in turn until one answers. Raises the last error."""
        failure: ReplyError = LLMUnavailable()
        for endpoint in self._endpoints:
            try:
                await endpoint.warm(request)
                return
            except ReplyError as error:
                failure = error
        raise failure

    async def close(self) -> None:
        """Closes the endpoints' responders."""
        for endpoint in self._endpoints:
            await endpoint.responder.close()


class _Guarded:
    """One endpoint's responder behind its breaker."""

    def __init__(self, name: str, responder: Endpoint, options: BreakerOptions, metrics: Metrics) -> None:
        self.name = name
        self.responder = responder
        self.breaker = Breaker(options)
        self._rest_s = options.rest_ms / 1000
        self._metrics = metrics
        self._trouble = ""
        self._rested_at = 0.0  # monotonic seconds
        metrics.llm_breaker_open.labels(name).set_function(lambda: self.breaker.state is not State.CLOSED)

    def rest_s(self, now: float) -> float:
        """How long the endpoint has said that it does not want to be asked yet."""
        return max(0.0, self._rested_at - now)

    async def rest(self) -> None:
        """Waits until the endpoint may be asked: other requests may be told to wait longer meanwhile, so this
        may take longer than it seemed at first, but never longer than a short rest."""
        limit = time.monotonic() + _SHORT_REST_S
        while (rest_s := self.rest_s(now := time.monotonic())) and now + rest_s <= limit:  # noqa: ASYNC110
            await asyncio.sleep(rest_s)  # a time is waited for, which no event announces

    def left_alone(self, now: float) -> LLMUnavailable | None:
        """Why the endpoint is not asked now. None if it may be; after a breaker's rest it then has to be."""
        if rest_s := self.rest_s(now):
            wait_ms = math.ceil(rest_s * 1000)
            return LLMUnavailable(
                "the language model endpoint asked to be left alone for a while", retry_after_ms=wait_ms
            )
        return None if self.breaker.admits(now) else LLMUnavailable()

    async def ask(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply, and notices when the breaker opens or closes over it."""
        begun, answered, undecided, outcome = False, False, True, _STOPPED
        try:
            async with aclosing(self.responder.respond(request, confirmed)) as pieces:
                async for piece in pieces:
                    if not begun and not isinstance(piece, ModelUsage):
                        begun = True
                        if self.breaker.receive_answer() is Effect.CLOSED:
                            yield self._notice("closed", "answers again")
                    yield piece
            answered, undecided, outcome = True, False, _ANSWERED
        except ReplyError as error:
            outcome = error.code
            self._log("model endpoint failed", error)
            if error.retry_after_ms is not None:
                rested_at = time.monotonic() + error.retry_after_ms / 1000
                self._rested_at = max(self._rested_at, rested_at)
            answered, undecided = isinstance(error, _ANSWERS), error.retry_after_ms is not None
            blamed = not begun and not answered and not undecided
            if blamed and self.breaker.receive_failure(time.monotonic()) is Effect.OPENED:
                yield self._notice("opened", f"keeps failing and is left alone for {self._rest_s:g} s")
            raise
        finally:
            self._metrics.llm_requests.labels(self.name, outcome).inc()
            if not begun and undecided:
                self.breaker.receive_undecided()
            elif not begun and answered:
                self.breaker.receive_answer()

    async def warm(self, request: ReplyRequest) -> None:
        """As the responder's; what is wrong is in the log once, however often it is tried."""
        try:
            await self.responder.warm(request)
        except ReplyError as error:
            if report(error) != self._trouble:
                self._trouble = report(error)
                self._log("waiting for the model endpoint", error)
            raise

    def _log(self, event: str, error: ReplyError) -> None:
        """The endpoint's trouble; what the endpoint said of it is redacted (llm_faults.py)."""
        where = {"endpoint": self.name, "url": self.responder.url}
        log.warning(event, **where, code=error.code, reason=report(error))

    def _notice(self, remedy: str, what: str) -> ReplyNotice:
        self._metrics.llm_remedies.labels(remedy).inc()
        log.warning("model endpoint's breaker", state=remedy, endpoint=self.name)
        return ReplyNotice(LLMUnavailable.code, f"the {self.name} endpoint {what}")
