"""Marks behind reply audio: their echoes tell how much of a reply was played."""

from voicegw.core.commands import Played
from voicegw.dialects.port import ReplyAudio

_MOST_OUTSTANDING = 1_000  # of a carrier that echoes none


class Marks:
    """Those that have not come back, in the order in which they were sent.

    After a clear the carrier echoes the marks of what it has forgotten, too. They are not outstanding any
    longer then, and no later mark has the name of one of them.
    """

    def __init__(self) -> None:
        self._outstanding: dict[str, Played] = {}
        self._clears = 0
        self._turn: int | None = None
        self._sent_ms = 0.0  # audio of that turn's reply

    def place(self, audio: ReplyAudio) -> str:
        """The name of the mark behind this audio."""
        if audio.turn != self._turn:
            self._turn, self._sent_ms = audio.turn, 0.0
        self._sent_ms += audio.audio_ms
        played = Played(round(self._sent_ms), audio.turn)
        name = f"{self._clears}:{played.turn}:{played.audio_ms}"
        self._outstanding[name] = played
        if len(self._outstanding) > _MOST_OUTSTANDING:
            del self._outstanding[next(iter(self._outstanding))]
        return name

    def receive_echo(self, name: str) -> Played | None:
        """What has been played if this mark has; None for one that is not outstanding."""
        if name not in self._outstanding:
            return None
        for earlier in tuple(self._outstanding):  # an echo that was lost, or comes late, says nothing new
            played = self._outstanding.pop(earlier)
            if earlier == name:
                return played
        return None

    def clear(self) -> None:
        """What is outstanding will be echoed without having been played; replies begin anew."""
        self._outstanding.clear()
        self._clears += 1
        self._turn = None
