"""One turn's latency budget, from stamps in monotonic seconds that the session passes in.

The same numbers become the `latency` event, the histograms and the trace record (telemetry.py). What was not
measured is None, never a guess.
"""

from dataclasses import dataclass, replace

from voicegw.core.tagged_struct import TaggedStruct


class TurnLatency(TaggedStruct, frozen=True):
    """One turn's latency budget in ms; None for a step that did not happen or could not be measured.

    endpoint, final, asked, first_token, first_audio and done count from the end of speech on the audio clock
    (for a typed message from its arrival); queue and decode are the durations inside the decode that gave the
    final, and model is the one from the request that was answered to its first token, which a speculative
    request may have written before it was shown. attempts: requests to the model for this turn.
    """

    turn: int
    endpoint_ms: float | None = None
    queue_ms: float | None = None
    decode_ms: float | None = None
    final_ms: float | None = None
    asked_ms: float | None = None
    model_ms: float | None = None
    first_token_ms: float | None = None
    first_audio_ms: float | None = None
    done_ms: float | None = None
    attempts: int = 0
    speculative: bool = False


_STAMPS = ("zero", "endpoint", "final", "asked", "written", "first_token", "first_audio")


@dataclass(slots=True)
class TurnTiming:
    """Times of one turn. `zero` is the end of speech on the audio clock, or a typed message's arrival.

    asked: when the request that was answered went out; written: when the model had its first token, shown or
    not. attempts: requests for this turn; speculative: whether the answer was begun before
    the turn was certain.
    """

    turn: int
    zero: float
    endpoint: float | None = None
    final: float | None = None
    asked: float | None = None
    written: float | None = None
    first_token: float | None = None
    first_audio: float | None = None
    queue_ms: float | None = None
    decode_ms: float | None = None
    attempts: int = 0
    speculative: bool = False

    def shifted(self, by_s: float) -> "TurnTiming":
        """The same stamps on a clock that is `by_s` ahead: another process goes on with the turn."""
        stamps = {name: getattr(self, name) for name in _STAMPS}
        return replace(self, **{name: at + by_s for name, at in stamps.items() if at is not None})

    def report(self, done: float | None) -> TurnLatency:
        """The budget, once the turn is over; `done` is None for a turn without a reply."""
        return TurnLatency(
            turn=self.turn,
            endpoint_ms=self._since_zero(self.endpoint),
            queue_ms=self.queue_ms,
            decode_ms=self.decode_ms,
            final_ms=self._since_zero(self.final),
            asked_ms=self._since_zero(self.asked),
            model_ms=self._model_ms(),
            first_token_ms=self._since_zero(self.first_token),
            first_audio_ms=self._since_zero(self.first_audio),
            done_ms=self._since_zero(done),
            attempts=self.attempts,
            speculative=self.speculative,
        )

    def _model_ms(self) -> float | None:
        return None if self.asked is None or self.written is None else (self.written - self.asked) * 1000

    def _since_zero(self, stamp: float | None) -> float | None:
        return None if stamp is None else (stamp - self.zero) * 1000
