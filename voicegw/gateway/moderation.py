"""The moderation of one session: has what is due judged, one check at a time, and never holds anything up."""

import asyncio
from collections.abc import Callable

import structlog

from voicegw.core import events
from voicegw.core.moderation import Check, Moderator, Watch
from voicegw.errors import ModerationFailed
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


class Moderation:
    """`hit` is called with a check and the categories found; `failed` once, when the service first fails."""

    def __init__(
        self,
        moderator: Moderator,
        metrics: Metrics,
        hit: Callable[[Check, tuple[str, ...]], None],
        failed: Callable[[ModerationFailed], None],
    ) -> None:
        self._moderator = moderator
        self._metrics = metrics
        self._hit = hit
        self._failed = failed
        self._watch = Watch(moderator.every_characters)
        self._due = asyncio.Event()
        self._told = False

    def receive_input(self, turn: int, text: str) -> None:
        """Something the user typed, or is answered for."""
        self._watch.receive_input(turn, text)
        self._due.set()

    def receive_event(self, event: events.Event) -> None:
        """Something the client is told."""
        self._watch.receive_event(event)
        self._due.set()

    async def run(self) -> None:
        """Judges until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            while (check := self._watch.next_check()) is not None:
                await self._judge(check)

    async def _judge(self, check: Check) -> None:
        outcome = "passed"
        try:
            categories = tuple(await self._moderator.judge(check.text))
            if categories:
                outcome = "hit"
                self._hit(check, categories)
        except ModerationFailed as error:
            outcome = "failed"
            self._tell(error)
        except Exception as error:  # noqa: BLE001 - a judge that breaks costs its judgement, not the session
            outcome = "failed"
            self._tell(ModerationFailed(f"no judgement: {type(error).__name__}"))
        self._metrics.moderation_checks.labels(check.what.value, outcome).inc()

    def _tell(self, error: ModerationFailed) -> None:
        log.warning("moderation failed", reason=error.message)
        if not self._told:
            self._told = True
            self._failed(error)
