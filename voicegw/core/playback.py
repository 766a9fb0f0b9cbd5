"""Playback of a reply: sends its audio a short lead ahead, and tracks how much of it was heard.

The far end may be a telephone bridge that cannot drop audio it has received, so audio is sent at most a lead
ahead of the played position. That position is counted in samples: it advances in real time while there is
audio, stands when there is none, and is corrected by every report of the client. The heard part of the text
follows from it; it ends after a word.

A report is late by the round-trip time. The smallest observed delay is used to estimate the position that the
far end plays now, and audio is sent relative to it. Otherwise a far end with a delay of half a lead would run
out of audio.

A far end reports a place in the audio, or counts the samples that it has received. Audio that is known to be
lost is added to such a count. How much a lost connection has taken is not known: then only the clock counts
for the rest of the reply.
"""

import re
from dataclasses import dataclass

from voicegw.core.sentences import Sentence

FRAME_MS = 100  # a message of reply audio is at most this long, or one frame of the far end
_MAX_DELAY_MS = 500  # of reports; a far end that is further behind has stalled
_MS_PER_WEIGHT = 62.0  # speech at 175 words a minute; used until the audio of a sentence is complete

_WORD = re.compile(r"\S+")
_STOPS = ".,;:!?…"


@dataclass(frozen=True, slots=True)
class Playout:
    """How the far end plays reply audio. frame_ms: it takes whole frames of this length; only the end of a
    reply, or of its text before a tool call, may be shorter, and its codec fills it with silence. drops: it
    drops what it has not played when the session asks for that, so that a reply can pause at once."""

    frame_ms: int = 20
    drops: bool = False


@dataclass(slots=True)
class _Track:
    """The audio of one sentence. samples: its length so far; complete: no more follows."""

    sentence: Sentence
    samples: int = 0
    complete: bool = False


class Playback:
    """The audio of one reply, s16le at `rate`. released: the number of samples that were sent. Positions are
    samples of the reply; `now` is monotonic seconds."""

    def __init__(self, rate: int, lead_ms: int, playout: Playout | None = None) -> None:
        self.released = 0
        self._rate = rate
        frame_ms = (playout or Playout()).frame_ms
        self._frame = frame_ms * rate // 1000
        self._message = max(FRAME_MS // frame_ms, 1) * self._frame
        self._lead = max(lead_ms * rate // 1000, 2 * self._message)
        self._queue = bytearray()
        self._sent = bytearray()  # the newest audio that was sent, from the played position on
        self._tracks: list[_Track] = []
        self._newest: _Track | None = None  # with audio
        self._anchor = (0, 0.0)  # a position, and when it was certainly played
        self._playing_anchor = (0, 0.0)  # a position, and the estimated time at which the far end plays it
        self._begun_anchor = (0, 0.0)  # the same for the position at which playback last began
        self._delay = _MAX_DELAY_MS * rate // 1000  # smallest delay of reports, in samples
        self._lost = 0  # samples that were sent, but do not arrive
        self._trusts_reports = True

    @property
    def waiting(self) -> int:
        """The samples that have not been sent yet."""
        return len(self._queue) // 2

    @property
    def releasing_last(self) -> bool:
        """Whether only audio of the newest sentence is left to send."""
        return self.waiting <= (self._newest.samples if self._newest is not None else 0)

    def begin(self, sentence: Sentence) -> None:
        """Begins the audio of a sentence."""
        self._tracks.append(_Track(sentence))

    def append(self, pcm: bytes) -> None:
        """Adds audio of the newest sentence, whole samples."""
        self._newest = self._tracks[-1]
        self._newest.samples += len(pcm) // 2
        self._queue += pcm

    def complete(self) -> None:
        """The audio of the newest sentence is complete."""
        self._tracks[-1].complete = True

    def release(self, now: float, *, last: bool = True) -> list[bytes]:
        """Removes and returns the audio to send now, as messages. last: no more audio follows, or none for
        some time; until then what is not a whole frame waits."""
        playing = min(self.released, self._after(self._playing_anchor, now))
        room = self._lead - (self.released - playing)
        if room < self._message or not self._queue:
            return []
        count = min(room, self.waiting)
        if count < self.waiting or not last:
            count -= count % self._frame
        self._anchor, self._playing_anchor = (self.position(now), now), (playing, now)
        if self._after(self._begun_anchor, now) >= self.released:
            self._begun_anchor = (self.released, now)
        self.released += count
        data = bytes(self._queue[: 2 * count])
        del self._queue[: 2 * count]
        self._sent += data
        self._forget_played(now)
        return [data[begin : begin + 2 * self._message] for begin in range(0, len(data), 2 * self._message)]

    def _forget_played(self, now: float) -> None:
        """Drops the sent audio that was played."""
        del self._sent[: max(0, len(self._sent) - 2 * (self.released - self.position(now)))]

    def take_back(self, now: float) -> bool:
        """Takes back the audio that was sent and has certainly not been played, to send it again; the far end
        must drop it. Returns whether there was any."""
        self._forget_played(now)
        if not self._sent:
            return False
        self.released -= len(self._sent) // 2
        self._queue[:0] = self._sent
        self._sent.clear()
        self._anchor = self._playing_anchor = (self.released, now)
        return True

    def receive_played(self, audio_ms: int, now: float, *, received_only: bool = False) -> None:
        """The far end reports how much of the reply it has played. received_only: its count does not include
        audio that was lost on the way."""
        if not self._trusts_reports:
            return
        lost = self._lost if received_only else 0
        played = min(audio_ms * self._rate // 1000 + lost, self.released)
        undelayed = self._after(self._begun_anchor, now)
        if self._begun_anchor[0] < played and undelayed <= self.released:
            self._delay = min(self._delay, max(0, undelayed - played))
        self._anchor, self._playing_anchor = (played, now), (played + self._delay, now)

    def count_lost(self, audio_ms: float) -> None:
        """So much of the audio that was sent does not arrive."""
        self._lost += round(audio_ms * self._rate / 1000)

    def receive_unknown_loss(self, now: float) -> None:
        """An unknown part of the newest audio does not arrive: all that was sent counts as played, so that a
        whole lead follows, and reports are ignored from now on."""
        self._anchor = self._playing_anchor = (self.released, now)
        self._trusts_reports = False

    def position(self, now: float) -> int:
        """How many samples have been played."""
        return min(self.released, self._after(self._anchor, now))

    def _after(self, anchor: tuple[int, float], now: float) -> int:
        """The position at `now` if playback continued without a stop since `anchor`."""
        position, at = anchor
        return position + max(0, round((now - at) * self._rate))

    def over(self, now: float) -> bool:
        """Whether all audio so far was sent and played."""
        return not self._queue and self.position(now) >= self.released

    def drop(self) -> int:
        """Drops the audio that was not sent. Returns its length in samples."""
        dropped = self.waiting
        self._queue.clear()
        self._sent.clear()
        return dropped

    def heard(self, now: float) -> int:
        """How many characters of the text were heard, up to the end of a word."""
        position, heard = self.position(now), 0
        for track in self._tracks if position else ():
            if position < track.samples or not track.complete:
                return track.sentence.start + self._words(track, position)
            position -= track.samples
            heard = track.sentence.end
        return heard

    def _words(self, track: _Track, position: int) -> int:
        """How many characters of a sentence were heard after `position` samples of it."""
        text = track.sentence.text
        words = [(found.end(), _weight(found[0])) for found in _WORD.finditer(text)]
        total = sum(weight for _, weight in words)
        length = track.samples
        if not track.complete:
            length = max(length, round(total * _MS_PER_WEIGHT * self._rate / 1000))
        heard, end = 0.0, 0
        for word_end, weight in words:
            heard += weight
            if heard * length > position * total:
                break
            end = word_end
        return end


def _weight(word: str) -> float:
    """The relative duration of a word, in letters. A digit is spoken as a word, and a stop is a short
    pause."""
    return 1 + sum(
        4 if char.isdigit() else 1 if char.isalpha() else 2 if char in _STOPS else 0 for char in word
    )
