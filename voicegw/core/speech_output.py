"""The spoken side of replies: text goes in as it is written, requests for the voice and paced audio come out.

One reply is spoken at a time. Its text is cut into sentences, and the voice is asked for one of them while
the one before it is being played, never for more: what is interrupted was not worth synthesising. A voice
that fails ends the reply there.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.actions import Action, Play, Speak, StopSpeaking
from voicegw.core.audio import AudioFormat, encode
from voicegw.core.options import option
from voicegw.core.playback import Playback
from voicegw.core.sentences import Sentence, SentenceCutter

_ABOUT_TO_BE_HEARD = 40  # characters: what is played now, and how far the client's clock may be ahead


class Voice(Protocol):
    """Says things aloud."""

    name: str

    def speak(self, text: str, rate: int, language: str, voice: str = "") -> AsyncGenerator[bytes, None]:
        """A written sentence as mono s16le at `rate`, in whole samples; raises VoiceFailed. Closing the
        generator stops the synthesis. language: ISO 639-1 code of the session's; empty while not known."""
        ...

    async def close(self) -> None:
        """Gives connections back."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How replies are played to the client."""

    lead_ms: int = option(400, "reply audio sent ahead of what has been played", ge=200, le=10_000)


@dataclass(slots=True)
class _Spoken:
    """The reply being spoken: what of it waits for the voice, and what of it is being played."""

    turn: int
    playback: Playback
    cutter: SentenceCutter
    waiting: deque[Sentence]
    text: str = ""
    begun: float | None = None  # when its first audio was sent
    number: int = 0  # of the sentence the voice was last asked for, from 1
    asked: bool = False  # the voice is at it
    written: bool = False  # the model has finished


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a spoken reply. text: what of it was heard. begun: when its first audio was sent."""

    text: str
    begun: float | None


class SpeechOutput:
    """Speaks replies in the client's format; `now` is monotonic seconds, `emit` takes the actions."""

    def __init__(
        self, options: SpeechOptions, audio_format: AudioFormat, rate: int, emit: Callable[[Action], None]
    ) -> None:
        self._options = options
        self._format = audio_format
        self._rate = rate
        self._emit = emit
        self.away = False  # nobody is there to hear
        self.voice = ""  # as in SessionProfile
        self._spoken: _Spoken | None = None
        self._held = False

    def begin(self, turn: int) -> None:
        """A reply begins that is to be spoken."""
        playback = Playback(self._rate, self._options.lead_ms)
        self._spoken = _Spoken(turn, playback, SentenceCutter(), deque())

    def receive_text(self, text: str, now: float) -> None:
        """The next piece of the reply."""
        if (spoken := self._spoken) is not None:
            spoken.text += text
            spoken.waiting.extend(spoken.cutter.push(text))
            self._advance(spoken, now)

    def receive_break(self, now: float) -> None:
        """The model does something else before it writes on: what it has written is a sentence."""
        if (spoken := self._spoken) is not None:
            spoken.waiting.extend(spoken.cutter.flush())
            self._advance(spoken, now)

    def receive_text_end(self, now: float) -> None:
        """The reply is written."""
        if (spoken := self._spoken) is not None:
            spoken.written = True
            spoken.waiting.extend(spoken.cutter.flush())
            self._advance(spoken, now)

    def receive_audio(self, turn: int, number: int, pcm: bytes, now: float) -> None:
        """The voice's next audio for a Speak; that for a stopped one is ignored."""
        if (spoken := self._answered(turn, number)) is not None:
            spoken.playback.append(pcm)
            self._advance(spoken, now)

    def receive_audio_end(self, turn: int, number: int, now: float) -> None:
        """The voice is done with a Speak."""
        if (spoken := self._answered(turn, number)) is not None:
            spoken.asked = False
            spoken.playback.complete()
            self._advance(spoken, now)

    def is_pending(self, turn: int, number: int) -> bool:
        """Whether the voice is at this Speak: it was not stopped."""
        return self._answered(turn, number) is not None

    def receive_played(self, turn: int | None, audio_ms: int, now: float) -> None:
        """The client has played so much of the reply of `turn`; without one, of the one being played."""
        if (spoken := self._spoken) is not None and turn in (None, spoken.turn):
            spoken.playback.receive_played(audio_ms, now)
            self._advance(spoken, now)

    def receive_tick(self, now: float) -> None:
        """Time passes; to be called at least every 100 ms while a reply is spoken."""
        if self._spoken is not None:
            self._advance(self._spoken, now)

    def hold(self, held: bool, now: float) -> None:
        """Send nothing more while the user may be speaking; what is out plays on."""
        self._held = held
        self.receive_tick(now)

    def over(self, now: float) -> bool:
        """Whether the whole reply was written, said and played out; so it is when none is being spoken."""
        spoken = self._spoken
        return spoken is None or (
            spoken.written and not spoken.asked and not spoken.waiting and spoken.playback.over(now)
        )

    def heard(self, now: float) -> str | None:
        """What of the reply's text has been heard; None when none is being spoken."""
        if (spoken := self._spoken) is None:
            return None
        return spoken.text if self.over(now) else spoken.text[: spoken.playback.heard(now)].rstrip()

    def audible_text(self, now: float) -> str:
        """What has been heard of the reply, and the next words; nothing when none is spoken."""
        if (spoken := self._spoken) is None:
            return ""
        return spoken.text[: spoken.playback.heard(now) + _ABOUT_TO_BE_HEARD]

    def stop(self, now: float) -> Heard | None:
        """The reply is over, or is to be: drops what of it was not sent. None when none is being spoken."""
        heard, over = self.heard(now), self.over(now)
        spoken, self._spoken = self._spoken, None
        if spoken is None or heard is None:
            return None
        if not over:
            self._emit(StopSpeaking(spoken.playback.drop() * 1000 / self._rate))
        return Heard(heard, spoken.begun)

    def _answered(self, turn: int, number: int) -> _Spoken | None:
        spoken = self._spoken
        current = spoken is not None and spoken.asked and (spoken.turn, spoken.number) == (turn, number)
        return spoken if current else None

    def _advance(self, spoken: _Spoken, now: float) -> None:
        """Sends what may be sent and asks for what is to be said next."""
        for pcm in () if self._held or self.away else spoken.playback.release(now):
            spoken.begun = now if spoken.begun is None else spoken.begun
            self._emit(Play(spoken.turn, encode(pcm, self._format), len(pcm) * 500 / self._rate))
        while spoken.waiting and not spoken.asked and spoken.playback.releasing_last:
            self._say(spoken, spoken.waiting.popleft())

    def _say(self, spoken: _Spoken, sentence: Sentence) -> None:
        spoken.playback.begin(sentence)
        if sentence.silent or not sentence.text.strip():
            spoken.playback.complete()
            return
        spoken.number += 1
        spoken.asked = True
        self._emit(Speak(spoken.turn, spoken.number, sentence.text, self._rate, self.voice))
