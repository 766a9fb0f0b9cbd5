"""Plays a reply's audio to the far end: no faster than it can still be stopped, and knowing what was heard.

The far end may be a telephone bridge that cannot drop what it has been sent, so audio goes out no more than
a lead ahead of what is being played. What has been played is counted on the sample clock: it runs in real
time while there is audio, stands when there is none, and is set right by every report of the client.
From it follows how much of the reply's text was heard, cut behind a word.

A report is late by the way there and back. How late the least late ones are is found out, and audio is sent
by what is being played, which is ahead of what was reported by that: a far end at half a lead's distance
would run dry otherwise.
"""

import re
from dataclasses import dataclass

from voicegw.core.sentences import Sentence

FRAME_MS = 100  # a message of reply audio is at most this long
_GRAIN_MS = 20  # and a multiple of this, except at a sentence's end: telephone bridges cut audio by it
_MOST_DELAY_MS = 500  # that reports are taken to be late; a far end that is further behind has stood still
_MS_PER_WEIGHT = 62.0  # of speech at 175 words a minute; used until a sentence's audio is all there

_WORD = re.compile(r"\S+")
_STOPS = ".,;:!?…"


@dataclass(slots=True)
class _Track:
    """The audio of one sentence. samples: how much of it there is; `complete` when that is all."""

    sentence: Sentence
    samples: int = 0
    complete: bool = False


class Playback:
    """One reply's audio, s16le at `rate`; `now` is monotonic seconds, positions are samples of the reply."""

    def __init__(self, rate: int, lead_ms: int) -> None:
        self.released = 0  # sent to the far end
        self._rate = rate
        self._lead = lead_ms * rate // 1000
        self._queue = bytearray()
        self._tracks: list[_Track] = []
        self._sounding: _Track | None = None  # the newest that has audio
        self._anchor = (0, 0.0)  # a position, and when it was played as far as is known
        self._playing_anchor = (0, 0.0)  # a position, and when the far end plays it, as is estimated
        self._begun_anchor = (0, 0.0)  # the same when there was nothing to play before
        self._delay = _MOST_DELAY_MS * rate // 1000  # of reports; of the least late ones, once there are any

    @property
    def waiting(self) -> int:
        """The samples that have not been sent yet."""
        return len(self._queue) // 2

    @property
    def releasing_last(self) -> bool:
        """Whether nothing but the newest sentence's audio is left to send."""
        return self.waiting <= (self._sounding.samples if self._sounding is not None else 0)

    def begin(self, sentence: Sentence) -> None:
        """The audio from here on is this sentence's."""
        self._tracks.append(_Track(sentence))

    def append(self, pcm: bytes) -> None:
        """The next audio of the newest sentence; whole samples."""
        self._sounding = self._tracks[-1]
        self._sounding.samples += len(pcm) // 2
        self._queue += pcm

    def complete(self) -> None:
        """The newest sentence's audio is all there."""
        self._tracks[-1].complete = True

    def release(self, now: float) -> list[bytes]:
        """What may be sent now, in messages."""
        playing = min(self.released, self._after(self._playing_anchor, now))
        room = self._lead - (self.released - playing)
        frame = self._rate * FRAME_MS // 1000
        if room < frame or not self._queue:
            return []
        count = min(room, self.waiting)
        if count < self.waiting or not self._tracks[-1].complete:
            count -= count % (self._rate * _GRAIN_MS // 1000)
        self._anchor, self._playing_anchor = (self.position(now), now), (playing, now)
        if self._after(self._begun_anchor, now) >= self.released:
            self._begun_anchor = (self.released, now)
        self.released += count
        data = bytes(self._queue[: 2 * count])
        del self._queue[: 2 * count]
        return [data[begin : begin + 2 * frame] for begin in range(0, len(data), 2 * frame)]

    def receive_played(self, audio_ms: int, now: float) -> None:
        """The far end has played so much of the reply."""
        played = min(audio_ms * self._rate // 1000, self.released)
        undelayed = self._after(self._begun_anchor, now)
        if self._begun_anchor[0] < played and undelayed <= self.released:
            self._delay = min(self._delay, max(0, undelayed - played))
        self._anchor, self._playing_anchor = (played, now), (played + self._delay, now)

    def position(self, now: float) -> int:
        """How many samples have been played."""
        return min(self.released, self._after(self._anchor, now))

    def _after(self, anchor: tuple[int, float], now: float) -> int:
        """The position that is reached now by playing on from there."""
        position, at = anchor
        return position + max(0, round((now - at) * self._rate))

    def over(self, now: float) -> bool:
        """Whether all there is has been played."""
        return not self._queue and self.position(now) >= self.released

    def drop(self) -> int:
        """Forgets what has not been sent; how many samples that were."""
        dropped = self.waiting
        self._queue.clear()
        return dropped

    def heard(self, now: float) -> int:
        """How much of the reply's text has been heard, in characters; ends behind a word."""
        position, heard = self.position(now), 0
        for track in self._tracks if position else ():
            if position < track.samples or not track.complete:
                return track.sentence.start + self._words(track, position)
            position -= track.samples
            heard = track.sentence.end
        return heard

    def _words(self, track: _Track, position: int) -> int:
        """How much of a sentence was said when `position` of its samples had been played."""
        text = track.sentence.text
        words = [(found.end(), _weight(found[0])) for found in _WORD.finditer(text)]
        total = sum(weight for _, weight in words)
        length = track.samples
        if not track.complete:
            length = max(length, round(total * _MS_PER_WEIGHT * self._rate / 1000))
        said, end = 0.0, 0
        for behind, weight in words:
            said += weight
            if said * length > position * total:
                break
            end = behind
        return end


def _weight(word: str) -> float:
    """How long a written word takes to say, in letters: a digit is a word, and a stop a breath."""
    return 1 + sum(
        4 if char.isdigit() else 1 if char.isalpha() else 2 if char in _STOPS else 0 for char in word
    )
