"""Retries, failover to a second endpoint and circuit breakers, as a responder around the endpoints'
responders.

A request that fails before its first token is repeated on the same endpoint where that may help, and then
sent to the second endpoint, if there is one. An endpoint that fails repeatedly gets no requests for a while
(circuit_breaker.py), and neither does one that asks for a pause (Retry-After). A reply that has begun is
never repeated: no user gets the same words twice. If every attempt fails the reply fails, with the error of
the last endpoint: the offline responder never replaces the model. Each mitigation is a notice to the client,
a metric and a log line.
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

from voicegw.core.events import ReplyNotice, ReplyPiece
from voicegw.core.options import option
from voicegw.core.responder import Confirmation, ModelUsage, ReplyRequest, Responder
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
from voicegw.reply.llm.circuit_breaker import BreakerOptions, CircuitBreaker, Effect, State
from voicegw.reply.llm.endpoint_errors import report
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)

_RETRIED = {LLMTimeout, LLMUnreachable, LLMInterrupted, LLMBroken, LLMEmpty, LLMReasoningOnly}
# The endpoint works, and has processed the request.
_ANSWERS = (LLMRejected, LLMEmpty, LLMReasoningOnly, LLMTokenLimit, LLMFiltered)
_MAX_PAUSE_S = 5.0  # the longest pause that a reply waits for before it fails
_NAMES = ("first", "second")
_STOPPED, _ANSWERED = "stopped", "answered"  # values of a metric's label


@dataclass(frozen=True, slots=True)
class FailoverOptions:
    """Retries, readiness and circuit breakers of the model endpoints."""

    retries: int = option(1, "how often a request that failed before its first token is repeated", ge=0, le=5)
    ready_wait_ms: int = option(
        30_000, "how long readiness waits for the model endpoint's first answer", ge=0, le=3_600_000
    )
    breaker: BreakerOptions = field(default_factory=BreakerOptions)


class EndpointResponder(Responder, Protocol):
    """The responder of one endpoint. answered: whether it has ever answered; url: without secrets, for
    logs."""

    answered: bool
    url: str

    async def warm(self, request: ReplyRequest) -> None:
        """Sends a minimal request. Raises a ReplyError."""
        ...


class FailoverResponder:
    """Sends requests to the first of `responders`, and to the second when the first fails."""

    def __init__(
        self, responders: Sequence[EndpointResponder], options: FailoverOptions, metrics: Metrics
    ) -> None:
        self.name = responders[0].name
        self._retries = options.retries
        self._metrics = metrics
        self._endpoints = [
            _GuardedEndpoint(name, responder, options.breaker, metrics)
            for name, responder in zip(_NAMES, responders, strict=False)
        ]

    @property
    def answered(self) -> bool:
        """Whether any endpoint has ever answered."""
        return any(endpoint.responder.answered for endpoint in self._endpoints)

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply of the first endpoint that gives one, after notices of the mitigations.

        Raises the error of the endpoint that was tried last, or LLMUnavailable when none is available.
        """
        failure: ReplyError | None = None
        last: _GuardedEndpoint | None = None
        attempts = [(each, False) for each in self._endpoints for _ in range(1 + self._retries)]
        for endpoint, after_pause in chain(attempts, self._after_pause()):
            repeated = endpoint is last
            if repeated and not after_pause and type(failure) not in _RETRIED:
                continue
            if after_pause:
                await endpoint.wait_for_pause()
            if (unavailable := endpoint.unavailable(time.monotonic())) is not None:
                failure = failure or unavailable
                continue
            if failure is not None:
                yield self._mitigation(failure, "retry" if repeated or after_pause else "switch", endpoint)
            last, begun = endpoint, False
            try:
                async with aclosing(endpoint.respond(request, confirmed)) as pieces:
                    async for piece in pieces:
                        begun = begun or not isinstance(piece, ReplyNotice | ModelUsage)
                        yield piece
                return
            except ReplyError as error:
                if begun:
                    raise
                failure = error
        assert failure is not None, "every endpoint was tried, or is unavailable"
        raise failure

    def _after_pause(self) -> "Iterator[tuple[_GuardedEndpoint, bool]]":
        """One more attempt when all have failed: on the endpoint whose pause ends first, if it ends soon."""
        now = time.monotonic()
        paused = [endpoint for endpoint in self._endpoints if 0 < endpoint.pause_s(now) <= _MAX_PAUSE_S]
        if paused:
            yield min(paused, key=lambda endpoint: endpoint.pause_s(now)), True

    def _mitigation(self, failure: ReplyError, mitigation: str, endpoint: "_GuardedEndpoint") -> ReplyNotice:
        self._metrics.llm_mitigations.labels(mitigation).inc()
        log.info("the request is sent again", mitigation=mitigation, endpoint=endpoint.name)
        attempt = "again" if mitigation == "retry" else "instead"
        message = f"the request is sent to the {endpoint.name} endpoint {attempt}"
        return ReplyNotice(failure.code, message, asks_again=True)

    async def prewarm(self, request: ReplyRequest) -> None:
        """Prewarms the endpoint of the next reply; never raises."""
        for endpoint in self._endpoints:
            if endpoint.breaker.state is State.CLOSED and not endpoint.pause_s(time.monotonic()):
                await endpoint.responder.prewarm(request)
                return

    async def warm(self, request: ReplyRequest) -> None:
        """Sends a minimal request to one endpoint after the other until one answers. Raises the last
        error."""
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


class _GuardedEndpoint:
    """The responder of one endpoint, with its circuit breaker and the pause that the endpoint asked for."""

    def __init__(
        self, name: str, responder: EndpointResponder, options: BreakerOptions, metrics: Metrics
    ) -> None:
        self.name = name
        self.responder = responder
        self.breaker = CircuitBreaker(options)
        self._open_s = options.rest_ms / 1000
        self._metrics = metrics
        self._last_report = ""
        self._paused_until = 0.0  # monotonic seconds
        metrics.llm_breaker_open.labels(name).set_function(lambda: self.breaker.state is not State.CLOSED)

    def pause_s(self, now: float) -> float:
        """The time left of the pause that the endpoint asked for."""
        return max(0.0, self._paused_until - now)

    async def wait_for_pause(self) -> None:
        """Waits until the pause is over. Answers to other requests may prolong it meanwhile; the wait has a
        limit all the same."""
        limit = time.monotonic() + _MAX_PAUSE_S
        while (pause_s := self.pause_s(now := time.monotonic())) and now + pause_s <= limit:  # noqa: ASYNC110
            await asyncio.sleep(pause_s)  # the end of the pause is a time; no event announces it

    def unavailable(self, now: float) -> LLMUnavailable | None:
        """Why the endpoint gets no request now."""
        if pause_s := self.pause_s(now):
            wait_ms = math.ceil(pause_s * 1000)
            return LLMUnavailable("the language model endpoint asked for a pause", retry_after_ms=wait_ms)
        return None if self.breaker.would_admit(now) else LLMUnavailable()

    async def respond(
        self, request: ReplyRequest, confirmed: Confirmation
    ) -> AsyncGenerator[ReplyPiece | ModelUsage, None]:
        """The reply, with a notice when the breaker opens or closes. Raises LLMUnavailable when the breaker
        admits no request, because another one has become its trial."""
        if not self.breaker.admits(time.monotonic()):
            raise LLMUnavailable
        begun, answered, no_result, outcome = False, False, True, _STOPPED
        try:
            async with aclosing(self.responder.respond(request, confirmed)) as pieces:
                async for piece in pieces:
                    if not begun and not isinstance(piece, ModelUsage):
                        begun = True
                        if self.breaker.receive_first_token() is Effect.CLOSED:
                            yield self._notice("closed", "answers again")
                    yield piece
            answered, no_result, outcome = True, False, _ANSWERED
        except ReplyError as error:
            outcome = error.code
            self._log("model endpoint failed", error)
            if error.retry_after_ms is not None:
                paused_until = time.monotonic() + error.retry_after_ms / 1000
                self._paused_until = max(self._paused_until, paused_until)
            answered = isinstance(error, _ANSWERS)
            no_result = error.retry_after_ms is not None or _may_be_the_clients(error, request)
            failed = not begun and not answered and not no_result
            if failed and self.breaker.receive_failure(time.monotonic()) is Effect.OPENED:
                yield self._notice("opened", f"fails repeatedly and gets no requests for {self._open_s:g} s")
            raise
        finally:
            self._metrics.llm_requests.labels(self.name, outcome).inc()
            if not begun and no_result:
                self.breaker.receive_no_result()
            elif not begun and answered:
                self.breaker.receive_first_token()

    async def warm(self, request: ReplyRequest) -> None:
        """Calls `warm` of the responder. Repetitions of the same error are logged once."""
        try:
            await self.responder.warm(request)
        except ReplyError as error:
            if report(error) != self._last_report:
                self._last_report = report(error)
                self._log("waiting for the model endpoint", error)
            raise

    def _log(self, event: str, error: ReplyError) -> None:
        """Logs an error; the endpoint's own text in it is redacted (endpoint_errors.py)."""
        where = {"endpoint": self.name, "url": self.responder.url}
        log.warning(event, **where, code=error.code, reason=report(error))

    def _notice(self, mitigation: str, what: str) -> ReplyNotice:
        self._metrics.llm_mitigations.labels(mitigation).inc()
        log.warning("circuit breaker of the model endpoint", state=mitigation, endpoint=self.name)
        return ReplyNotice(LLMUnavailable.code, f"the {self.name} endpoint {what}")


def _may_be_the_clients(error: ReplyError, request: ReplyRequest) -> bool:
    """Whether the long reasoning that a client asks for may be the reason: one client must not open the
    breaker for all."""
    return bool(request.parameters.effort) and not isinstance(error, LLMUnreachable)
