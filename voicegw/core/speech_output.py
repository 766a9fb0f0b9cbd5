"""Spoken replies: receives the text as it is written, and emits requests to the voice and paced audio.

One reply is spoken at a time. Its text is split into sentences. While a sentence is played, only the next one
is requested from the voice, because more would be wasted at an interruption. A voice that fails ends the
reply.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

from voicegw.core.actions import Action, PauseSpeaking, Play, Speak, StopSpeaking
from voicegw.core.audio import AudioFormat, encode
from voicegw.core.options import option
from voicegw.core.playback import Playback, Playout
from voicegw.core.sentences import Sentence, SentenceSplitter

MAX_HOLD_S = 2.0  # of a reply: words come sooner, and other sounds, such as music, may last for minutes
_ABOUT_TO_BE_HEARD = 40  # characters: the audio in playback, and the inaccuracy of the client's position


class Voice(Protocol):
    """A text-to-speech engine."""

    name: str

    def speak(
        self, text: str, rate: int, language: str, voice: str = "", speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """A sentence as mono s16le at `rate`, in whole samples. Raises VoiceFailed. Closing the generator
        stops the synthesis. language: ISO 639-1, of the session; empty while it is unknown. speed: 1 for the
        usual one."""
        ...

    async def close(self) -> None:
        """Releases its connections."""
        ...


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How replies are played to the client."""

    lead_ms: int = option(400, "reply audio that is sent ahead of the played position", ge=200, le=2000)


@dataclass(slots=True)
class _Spoken:
    """The reply in progress. waiting: its sentences that the voice has not synthesised yet."""

    turn: int
    playback: Playback
    splitter: SentenceSplitter
    waiting: deque[Sentence]
    text: str = ""
    first_audio: float | None = None  # when the first audio was sent
    number: int = 0  # of the last sentence that was requested from the voice, from 1
    requested: bool = False  # the voice synthesises it now
    written: bool = False  # the model has finished
    in_break: bool = False  # the model waits for a tool, which may take long


@dataclass(frozen=True, slots=True)
class PlaybackResult:
    """The outcome of a spoken reply. text: the part that was heard. first_audio: when the first audio was
    sent."""

    text: str
    first_audio: float | None


class SpeechOutput:
    """Speaks replies in the client's audio format.

    emit: called with each action. playout: how the client plays. disconnected: the client has no connection;
    nothing is sent. client_full: it has no room for more audio; nothing is sent.
    `now` is monotonic seconds.
    """

    def __init__(
        self,
        options: SpeechOptions,
        audio_format: AudioFormat,
        rate: int,
        emit: Callable[[Action], None],
        playout: Playout | None = None,
    ) -> None:
        self._options = options
        self._playout = playout or Playout()
        self._format = audio_format
        self._rate = rate
        self._emit = emit
        self.disconnected = self.client_full = False
        self._voice, self._speed = "", 1.0
        self._spoken: _Spoken | None = None
        self._held = False
        self._held_since = 0.0

    @property
    def pending(self) -> tuple[int, int] | None:
        """The turn and the number of the Speak that the voice synthesises, if it was not stopped."""
        spoken = self._spoken
        return (spoken.turn, spoken.number) if spoken is not None and spoken.requested else None

    def configure(self, voice: str, speed: float | None) -> None:
        """Sets the voice of the next sentences."""
        self._voice, self._speed = voice, speed or 1.0

    def begin(self, turn: int) -> None:
        """Begins a spoken reply."""
        playback = Playback(self._rate, self._options.lead_ms, self._playout)
        self._spoken = _Spoken(turn, playback, SentenceSplitter(), deque())

    def receive_text(self, text: str, now: float) -> None:
        """The model wrote more of the reply."""
        if (spoken := self._spoken) is not None:
            spoken.text += text
            spoken.in_break = False
            spoken.waiting.extend(spoken.splitter.push(text))
            self._advance(spoken, now)

    def receive_text_end(self, now: float, *, in_break: bool = False) -> None:
        """The model has finished. in_break: it calls a tool before it continues; the text so far is a
        complete sentence."""
        if (spoken := self._spoken) is not None:
            spoken.written, spoken.in_break = not in_break, in_break
            spoken.waiting.extend(spoken.splitter.flush())
            self._advance(spoken, now)

    def receive_audio(self, turn: int, number: int, pcm: bytes, now: float) -> None:
        """The voice synthesised more audio for a Speak. Audio for a stopped one is ignored."""
        if (spoken := self._pending(turn, number)) is not None:
            spoken.playback.append(pcm)
            self._advance(spoken, now)

    def receive_audio_end(self, turn: int, number: int, now: float) -> None:
        """The voice has finished a Speak."""
        if (spoken := self._pending(turn, number)) is not None:
            spoken.requested = False
            spoken.playback.complete()
            self._advance(spoken, now)

    def receive_played(
        self, turn: int | None, audio_ms: int, now: float, *, received_only: bool = False
    ) -> None:
        """The client has played `audio_ms` of the reply to `turn`; None stands for the reply in progress.
        received_only: as in `Played`."""
        if (spoken := self._spoken) is not None and turn in (None, spoken.turn):
            spoken.playback.receive_played(audio_ms, now, received_only=received_only)
            self._advance(spoken, now)

    def count_lost(self, audio_ms: float) -> None:
        """So much audio that was sent does not reach the client."""
        if self._spoken is not None:
            self._spoken.playback.count_lost(audio_ms)

    def receive_unknown_loss(self, now: float) -> None:
        """An unknown part of the audio that was sent does not reach the client, because its connection was
        lost."""
        if self._spoken is not None:
            self._spoken.playback.receive_unknown_loss(now)

    def receive_tick(self, now: float) -> None:
        """Sends audio that is due; called at least every 100 ms while a reply is spoken."""
        if self._spoken is not None:
            self._advance(self._spoken, now)

    def hold(self, held: bool, now: float) -> None:
        """Pauses sending, for at most MAX_HOLD_S, or continues. A client that cannot drop what was sent still
        plays that."""
        begins, self._held = held and not self._held, held
        if begins:
            self._held_since = now
        spoken = self._spoken if begins and self._playout.drops else None
        if spoken is not None and spoken.playback.take_back(now):
            self._emit(PauseSpeaking())
        self.receive_tick(now)

    def over(self, now: float) -> bool:
        """Whether the whole reply was written, synthesised and played; True without a spoken reply."""
        spoken = self._spoken
        return spoken is None or (
            spoken.written and not spoken.requested and not spoken.waiting and spoken.playback.over(now)
        )

    def heard(self, now: float) -> str | None:
        """The heard part of the text; None without a spoken reply."""
        if (spoken := self._spoken) is None:
            return None
        return spoken.text if self.over(now) else spoken.text[: spoken.playback.heard(now)].rstrip()

    def audible_text(self, now: float) -> str:
        """The heard part of the text and the next words; empty without a spoken reply."""
        if (spoken := self._spoken) is None:
            return ""
        return spoken.text[: spoken.playback.heard(now) + _ABOUT_TO_BE_HEARD]

    def stop(self, now: float) -> PlaybackResult | None:
        """Ends the reply and drops its audio that was not sent. None without a spoken reply."""
        heard, over = self.heard(now), self.over(now)
        spoken, self._spoken = self._spoken, None
        if spoken is None or heard is None:
            return None
        if not over:
            self._emit(StopSpeaking(spoken.playback.drop() * 1000 / self._rate))
        return PlaybackResult(heard, spoken.first_audio)

    def _pending(self, turn: int, number: int) -> _Spoken | None:
        return self._spoken if self.pending == (turn, number) else None

    def _advance(self, spoken: _Spoken, now: float) -> None:
        """Sends audio that is due and requests the next sentence from the voice."""
        held = self._held and now < self._held_since + MAX_HOLD_S
        waits = held or self.disconnected or self.client_full
        at = spoken.playback.released
        for pcm in () if waits else self._released(spoken, now):
            spoken.first_audio = now if spoken.first_audio is None else spoken.first_audio
            at += len(pcm) // 2
            audio_ms, end_ms = (1000 * samples / self._rate for samples in (len(pcm) // 2, at))
            self._emit(Play(spoken.turn, encode(pcm, self._format), audio_ms, end_ms))
        while spoken.waiting and not spoken.requested and spoken.playback.releasing_last:
            self._request_sentence(spoken, spoken.waiting.popleft())

    def _released(self, spoken: _Spoken, now: float) -> list[bytes]:
        ends = spoken.written or spoken.in_break
        last = ends and not spoken.requested and not spoken.waiting
        return spoken.playback.release(now, last=last)

    def _request_sentence(self, spoken: _Spoken, sentence: Sentence) -> None:
        spoken.playback.begin(sentence)
        if sentence.silent or not sentence.text.strip():
            spoken.playback.complete()
            return
        spoken.number += 1
        spoken.requested = True
        self._emit(Speak(spoken.turn, spoken.number, sentence.text, self._rate, self._voice, self._speed))
