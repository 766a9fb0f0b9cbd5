"""Marks after reply audio: their echoes report how much of a reply was played."""

from voicegw.core.commands import Played
from voicegw.dialects.port import ReplyAudio

_MAX_OUTSTANDING = 1_000  # limit for a carrier that echoes no marks


class Marks:
    """The outstanding marks, in the order in which they were sent.

    After a clear the carrier also echoes the marks of the discarded audio. They are not outstanding any
    more, and later marks have other names, so these echoes are ignored.
    """

    def __init__(self) -> None:
        self._outstanding: dict[str, Played] = {}
        self._clears = 0

    def place(self, audio: ReplyAudio) -> str:
        """The name of a new mark to send after this audio."""
        played = Played(round(audio.end_ms), audio.turn)
        name = f"{self._clears}:{played.turn}:{played.audio_ms}"
        self._outstanding[name] = played
        if len(self._outstanding) > _MAX_OUTSTANDING:
            del self._outstanding[next(iter(self._outstanding))]
        return name

    def receive_echo(self, name: str) -> Played | None:
        """The playback position that this mark reports; None when it is not outstanding."""
        if name not in self._outstanding:
            return None
        for earlier in tuple(self._outstanding):  # earlier marks are played too
            played = self._outstanding.pop(earlier)
            if earlier == name:
                return played
        return None

    def clear(self) -> None:
        """Forgets all outstanding marks; their audio will not be played."""
        self._outstanding.clear()
        self._clears += 1
