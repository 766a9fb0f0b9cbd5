"""Whether a client that sends no audio is still there: silence on the wire is not silence of the speaker.

A client that sends 2 s at a time sends nothing for 2 s, so its next message is awaited only after that. Of a
backlog that comes at once nobody knows that it is none; the next message that comes by itself shows it.

All times are monotonic seconds.
"""

_DOUBT_S = 0.5
_LONG_S = 0.2  # the gateway takes in what is longer in pieces of this length
_APART_S = 0.1  # pieces of one message are less apart, messages of such a length more


class LivenessCheck:
    """A client is asked when it falls silent in mid-word, and taken to be cut off until it answers."""

    def __init__(self) -> None:
        self._audio_at = 0.0  # when the last audio came, or was spoken if that is later
        self._taken_at = 0.0  # when the last audio was taken in
        self._away = False
        self._asked = self._answered = False

    def receive_audio(self, now: float, length_s: float = 0.0) -> None:
        """So much audio came."""
        is_piece = now - self._taken_at < _APART_S
        begin = max(self._audio_at, now) if is_piece else now
        self._audio_at = begin + (length_s if length_s >= _LONG_S else 0.0)
        self._taken_at = now
        self._asked = self._answered = False

    def receive_disconnect(self) -> None:
        """The client has no connection."""
        self._away = True

    def receive_reconnect(self, now: float) -> None:
        """It has one again. A doubt about the connection that was lost says nothing about this one, and a
        client that has nothing to send must be asked anew."""
        self._away = False
        self._audio_at = now
        self._asked = self._answered = False

    def receive_probe_answer(self) -> None:
        """The client is there: it does not send because nobody speaks any more."""
        self._answered = True

    def receive_stall(self, late_s: float, now: float) -> None:
        """Everything has stood still for so long, in which nobody could be heard."""
        self._audio_at = max(self._audio_at, min(now, self._audio_at + late_s))

    def probe_due(self, now: float) -> bool:
        """Whether audio has just stopped coming; whoever asks must find out whether the client is there."""
        fresh = not self._asked and now - self._audio_at >= _DOUBT_S
        self._asked |= fresh
        return fresh

    def heard_until(self, now: float) -> float:
        """Until when what was said has come: now, as far as one can know, if the client is cut off."""
        return now if self._away or (self._asked and not self._answered) else self._audio_at
