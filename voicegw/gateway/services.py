"""The services that all sessions of a gateway share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from voicegw.core.background_calls import BackgroundCalls
from voicegw.core.events import Event, Fault, ReplyDone, TurnLatency
from voicegw.core.moderation_queue import Moderator
from voicegw.core.recording import RecordingDecoder
from voicegw.core.responder import Responder
from voicegw.core.session_store import NullStore, Store
from voicegw.core.speech_output import Voice
from voicegw.core.transcription import TranscriptionBackend
from voicegw.telemetry import Metrics, trace_turn


@dataclass(frozen=True, slots=True)
class Services:
    """The ports of the core, and the metrics.

    check_model: returns a remark for the readiness page, or raises NotReady. declared: characters of the tool
    declarations, which are part of every prompt. traced_text: traces contain what users say and the replies.
    recordings: decodes audio files; None if none are accepted.
    models: the names that /v1/models lists.
    """

    transcription: TranscriptionBackend
    responder: Responder
    metrics: Metrics
    check_model: Callable[[], str] = lambda: ""
    store: Store = field(default_factory=NullStore)
    voice: Voice | None = None
    background_calls: BackgroundCalls | None = None
    moderator: Moderator | None = None
    declared: int = 0
    traced_text: bool = False
    recordings: RecordingDecoder | None = None
    models: tuple[str, ...] = ()

    def count(self, event: Event, session: str) -> None:
        """Records an event of a session in metrics and traces."""
        self.metrics.traffic.count_event(event)
        match event:
            case ReplyDone():
                self.metrics.reply_ends.labels(event.reason.value).inc()
            case TurnLatency():
                self.metrics.observe_turn(event)
                trace_turn(session, event)
            case Fault(code):
                self.metrics.faults.labels(code).inc()
            case _:
                pass
