"""The moderation of one session: has what is due judged, one check at a time, and never holds anything up."""

from collections.abc import Callable, Sequence

import structlog

from voicegw.core import events
from voicegw.core.actions import Respond
from voicegw.core.commands import Command, TypeText
from voicegw.core.moderation_queue import Check, ModerationQueue, Moderator, pieces
from voicegw.core.text import encodable
from voicegw.errors import ModerationFailed
from voicegw.gateway.single_waiter_event import SingleWaiterEvent
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
        self._watch = ModerationQueue(moderator.every_characters if moderator is not None else 0)
        self._due = SingleWaiterEvent()
        self._told = False

    def receive_command(self, command: Command) -> None:
        """Raises RateLimited for a typed message when too much waits to be judged."""
        if isinstance(command, TypeText):
            self._watch.admit()

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
            while checks := self._watch.next_checks():
                await self._judge(self._moderator, checks)

    async def _judge(self, moderator: Moderator, checks: Sequence[Check]) -> None:
        """Judges these together: what is found in one of them holds for all."""
        try:
            categories = await _found_in("\n".join(check.text for check in checks), moderator)
        except ModerationFailed as error:
            outcome = "failed"
            self._complain(checks[0], error)
        else:
            outcome = "hit" if categories else "passed"
        for check in checks:
            if outcome == "hit":
                self._hit(check, categories)
            self._metrics.moderation_checks.labels(check.what.value, outcome).inc()

    def _complain(self, check: Check, error: ModerationFailed) -> None:
        log.warning("moderation failed", reason=error.message)
        if not self._told:
            self._told = True
            notice = events.ReplyNotice(error.code, "what is said goes unjudged")
            self._tell(events.ReplyStep(check.turn, notice))


async def _found_in(text: str, moderator: Moderator) -> tuple[str, ...]:
    """The categories found in the first piece in which there are any. Raises ModerationFailed when there are
    none, and not all pieces could be judged."""
    failure: ModerationFailed | None = None
    for piece in pieces(text):
        try:
            categories = tuple(encodable(category) for category in await moderator.judge(piece))
        except ModerationFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a judge that breaks costs its judgement, not the session
            failure = ModerationFailed(f"no judgement: {type(error).__name__}")
        else:
            if categories:
                return categories
    if failure is not None:
        raise failure
    return ()
