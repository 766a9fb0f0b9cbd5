"""The latency of one turn, from timestamps in monotonic seconds that the session sets.

The same numbers are used for the `latency` event, the histograms and the trace record (telemetry.py). A value
that was not measured is None.
"""

from dataclasses import dataclass, replace

from voicegw.core.tagged_struct import TaggedStruct


class TurnLatency(TaggedStruct, frozen=True):
    """The latency of one turn in ms; None for a step that did not happen or was not measured.

    endpoint, final, asked, first_token, first_audio and done are measured from the end of speech on the audio
    clock, for a typed message from its arrival. asked: the request to the model. queue and decode are the
    durations of the decode that gave the final. model is the time from the request to its first token, which
    a speculative request may have written before it was sent. attempts: requests to the model for this turn.
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


_TIMESTAMPS = ("zero", "endpoint", "final", "asked", "model_first_token", "first_token", "first_audio")


@dataclass(slots=True)
class TurnTiming:
    """The timestamps of one turn. zero: the end of speech on the audio clock, or the arrival of a typed
    message.

    asked: when the model was requested. model_first_token: when it wrote the first token; first_token: when
    that was sent. attempts: requests for this turn. speculative: the reply was requested before the turn was
    confirmed.
    """

    turn: int
    zero: float
    endpoint: float | None = None
    final: float | None = None
    asked: float | None = None
    model_first_token: float | None = None
    first_token: float | None = None
    first_audio: float | None = None
    queue_ms: float | None = None
    decode_ms: float | None = None
    attempts: int = 0
    speculative: bool = False

    def shifted(self, by_s: float) -> "TurnTiming":
        """The same timestamps on the clock of another process, which is `by_s` ahead."""
        timestamps = {name: getattr(self, name) for name in _TIMESTAMPS}
        return replace(self, **{name: at + by_s for name, at in timestamps.items() if at is not None})

    def report(self, done: float | None) -> TurnLatency:
        """The latency of a turn that is over. done: the end of the reply; None for a turn without one."""
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
        return (
            None
            if self.asked is None or self.model_first_token is None
            else (self.model_first_token - self.asked) * 1000
        )

    def _since_zero(self, timestamp: float | None) -> float | None:
        return None if timestamp is None else (timestamp - self.zero) * 1000
