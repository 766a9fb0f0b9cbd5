"""What every session of a gateway uses."""

from collections.abc import Callable
from dataclasses import dataclass, field

from voicegw.core.background_calls import BackgroundCalls
from voicegw.core.events import Event, Fault, TurnLatency
from voicegw.core.moderation_queue import Moderator
from voicegw.core.responder import Responder
from voicegw.core.session_store import NullStore, Store
from voicegw.core.speech_output import Voice
from voicegw.core.transcription import TranscriptionBackend
from voicegw.telemetry import Metrics, trace_turn


@dataclass(frozen=True, slots=True)
class Services:
    """What every session uses: the ports of the core, and the metrics.

    declared: characters of the tools' declarations, which every prompt has.
    """

    transcription: TranscriptionBackend
    responder: Responder
    metrics: Metrics
    check_model: Callable[[], str] = lambda: ""  # a remark for the readiness page, or raises NotReady
    store: Store = field(default_factory=NullStore)
    voice: Voice | None = None
    background_calls: BackgroundCalls | None = None
    moderator: Moderator | None = None
    declared: int = 0

    def count(self, event: Event, session: str) -> None:
        """What a session tells, as metrics and traces."""
        match event:
            case TurnLatency():
                self.metrics.observe_turn(event)
                trace_turn(session, event)
            case Fault(code):
                self.metrics.faults.labels(code).inc()
            case _:
                pass  # what is told most is not counted
