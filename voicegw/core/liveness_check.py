"""Liveness check: whether a client that has stopped sending audio is still connected.

A client that sends 2 s of audio at a time sends nothing for the next 2 s, so its next message is expected
only after that. Several messages at once are treated as one long message; the next message corrects this.

All times are monotonic seconds.
"""

_PROBE_AFTER_S = 0.5
_LONG_S = 0.2  # the gateway splits longer messages into pieces of this length
_SAME_MESSAGE_S = 0.1  # pieces of one message arrive within this time


class LivenessCheck:
    """A client that stops sending during an utterance gets a probe, and counts as disconnected until it
    answers."""

    def __init__(self) -> None:
        self._audio_at = 0.0  # when the last audio arrived, or when it ends in real time if that is later
        self._received_at = 0.0  # when the last audio arrived
        self._disconnected = False
        self._probed = self._answered = False

    def receive_audio(self, now: float, length_s: float = 0.0) -> None:
        """Audio of this length arrived."""
        is_piece = now - self._received_at < _SAME_MESSAGE_S
        begin = max(self._audio_at, now) if is_piece else now
        self._audio_at = begin + (length_s if length_s >= _LONG_S else 0.0)
        self._received_at = now
        self._probed = self._answered = False

    def receive_disconnect(self) -> None:
        """The client has lost its connection."""
        self._disconnected = True

    def receive_reconnect(self, now: float) -> None:
        """The client has a new connection; a probe on the old one no longer counts."""
        self._disconnected = False
        self._audio_at = now
        self._probed = self._answered = False

    def receive_probe_answer(self) -> None:
        """The client has answered the probe: it is connected and has no audio to send."""
        self._answered = True

    def receive_stall(self, late_s: float, now: float) -> None:
        """This process stalled for `late_s` and could not receive audio meanwhile."""
        self._audio_at = max(self._audio_at, min(now, self._audio_at + late_s))

    def probe_due(self, now: float) -> bool:
        """Whether audio has stopped and no probe was sent yet. After True, the caller must send one."""
        fresh = not self._probed and now - self._audio_at >= _PROBE_AFTER_S
        self._probed |= fresh
        return fresh

    def last_audio_at(self, now: float) -> float:
        """When the last audio arrived; `now` while the client is disconnected or has not answered a probe."""
        return now if self._disconnected or (self._probed and not self._answered) else self._audio_at
