"""The moderation of one session: has what is due judged, one check at a time, and never holds anything up."""

from collections.abc import Callable

import structlog

from voicegw.core import events
from voicegw.core.actions import Respond
from voicegw.core.moderation import Check, Moderator, Watch
from voicegw.errors import ModerationFailed
from voicegw.gateway.bell import Bell
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


class Moderation:
    """`hit` is called with a check and the categories found in it, `tell` with what the client is to know:
    once, that the service fails. Without a `moderator` nothing is judged."""

    def __init__(
        self,
        moderator: Moderator | None,
        metrics: Metrics,
        hit: Callable[[Check, tuple[str, ...]], None],
        tell: Callable[[events.Event], None],
    ) -> None:
        self._moderator = moderator
        self._metrics = metrics
        self._hit = hit
        self._tell = tell
        self._watch = Watch(moderator.every_characters if moderator is not None else 0)
        self._due = Bell()
        self._told = False

    def receive_request(self, request: Respond) -> None:
        """The model is asked; what it is asked may have been typed, which no event tells of."""
        if self._moderator is not None and not request.speculative:
            self._watch.receive_input(request.turn, request.messages[-1].content)
            self._due.set()

    def receive_event(self, event: events.Event) -> None:
        """Something the client is told."""
        if self._moderator is not None:
            self._watch.receive_event(event)
            self._due.set()

    async def run(self) -> None:
        """Judges until cancelled; with nobody to do so, there is nothing to do."""
        while self._moderator is not None:
            await self._due.wait()
            self._due.clear()
            while (check := self._watch.next_check()) is not None:
                await self._judge(self._moderator, check)

    async def _judge(self, moderator: Moderator, check: Check) -> None:
        try:
            categories = tuple(await moderator.judge(check.text))
        except ModerationFailed as error:
            outcome = "failed"
            self._complain(check, error)
        except Exception as error:  # noqa: BLE001 - a judge that breaks costs its judgement, not the session
            outcome = "failed"
            self._complain(check, ModerationFailed(f"no judgement: {type(error).__name__}"))
        else:
            outcome = "hit" if categories else "passed"
            if categories:
                self._hit(check, categories)
        self._metrics.moderation_checks.labels(check.what.value, outcome).inc()

    def _complain(self, check: Check, error: ModerationFailed) -> None:
        log.warning("moderation failed", reason=error.message)
        if not self._told:
            self._told = True
            notice = events.ReplyNotice(error.code, "what is said goes unjudged")
            self._tell(events.ReplyStep(check.turn, notice))
