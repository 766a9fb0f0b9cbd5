"""One turn's latency budget, from stamps in monotonic seconds that the session passes in."""

from dataclasses import dataclass

from voicegw.core.events import TurnLatency


@dataclass(slots=True)
class Stopwatch:
    """Stamps of one turn. `zero` is the end of speech on the audio clock, or a typed message's arrival."""

    turn: int
    zero: float
    endpoint: float | None = None
    final: float | None = None
    first_token: float | None = None
    queue_ms: float | None = None
    decode_ms: float | None = None

    def report(self, done: float | None) -> TurnLatency:
        """The budget, once the turn is over; `done` is None for a turn without a reply."""
        return TurnLatency(
            turn=self.turn,
            endpoint_ms=self._since_zero(self.endpoint),
            queue_ms=self.queue_ms,
            decode_ms=self.decode_ms,
            final_ms=self._since_zero(self.final),
            first_token_ms=self._since_zero(self.first_token),
            done_ms=self._since_zero(done),
        )

    def _since_zero(self, stamp: float | None) -> float | None:
        return None if stamp is None else (stamp - self.zero) * 1000
