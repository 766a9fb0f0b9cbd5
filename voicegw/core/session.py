"""One conversation: takes in audio, commands, recognised words and reply pieces, and says what is to be done.

It only routes: audio through the input decoder and the framer to the listener, whose transcripts reach the
conversation, which asks the model. It never waits and reads no clock; every `now` is monotonic seconds.
After each `receive_*` the shell carries out what `actions` returns, in order.
"""

from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np

from voicegw.core import commands, events
from voicegw.core.actions import Action, Close, Emit
from voicegw.core.audio import ArrivalClock, Framer, InputDecoder, PaceLimit
from voicegw.core.background_calls import CallProgress
from voicegw.core.conversation import Conversation, ReplyOptions
from voicegw.core.declaration import Declaration
from voicegw.core.dialogue import DialogueOptions
from voicegw.core.endpoint import Endpointer, EndpointOptions, SpeechScorer
from voicegw.core.events import EndReason, ToolCalled
from voicegw.core.latency import Stopwatch
from voicegw.core.listener import Listener
from voicegw.core.moderation import Check
from voicegw.core.options import option
from voicegw.core.presence import Presence
from voicegw.core.profile import SessionProfile
from voicegw.core.snapshot import SessionState
from voicegw.core.speech import Speech, SpeechOptions
from voicegw.core.transcription import Transcription
from voicegw.core.utterance import RecognitionOptions
from voicegw.errors import AudioMisdeclared, InvalidState

_ACKNOWLEDGE_EVERY_MS = 1000
_ACKNOWLEDGE_EVERY_MESSAGES = 16
_STANDSTILL_S = 0.5
_ALLOWED_AFTER_END = (commands.Cancel, commands.Acknowledge, commands.Played)  # a reply may still be running


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Everything that can be tuned about a conversation; `recognition` is for whoever makes its
    transcription."""

    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)
    dialogue: DialogueOptions = field(default_factory=DialogueOptions)
    reply: ReplyOptions = field(default_factory=ReplyOptions)
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    max_burst_ms: int = option(5000, "audio a client may be ahead of real time", ge=100, le=60_000)


class Session:
    """See the module. `profile`: what the session is like; `scorer` and `transcription` are its own. Raises
    InvalidValue for a profile that cannot be.

    `replies` takes what the model writes for a Respond, and that the voice is done with a Speak; `speech`
    takes the voice's audio.
    """

    def __init__(
        self,
        name: str,
        options: SessionOptions,
        profile: SessionProfile,
        scorer: SpeechScorer,
        transcription: Transcription,
    ) -> None:
        self.name = name
        self.messages_taken = 0  # text messages of the client, good or bad
        self.profile = profile
        self._actions: list[Action] = []
        self._decoder = decoder = InputDecoder(profile.audio_format, profile.rate)
        self._declaration = Declaration(decoder.format, decoder.rate)
        self._framer = Framer()
        self._pace = PaceLimit(options.max_burst_ms)
        self._arrivals = ArrivalClock()
        tell = self._actions.append
        self.speech = Speech(options.speech, decoder.format, decoder.rate, tell)
        self._conversation = Conversation(options.dialogue, options.reply, self.speech, tell)
        self.replies = self._conversation.replies
        self._listener = Listener(
            Endpointer(options.endpoint),
            transcription,
            scorer,
            self._arrivals,
            self._conversation,
            tell,
        )
        self._conversation.configure(profile)
        self._listener.configure(profile)
        self._acknowledged = 0, 0  # samples and messages
        self._presence = Presence()
        self._ending = self._closed = False

    @property
    def language(self) -> str:
        """The ISO 639-1 code of what the user speaks; empty while it is not known."""
        return self._listener.language

    @property
    def idle(self) -> bool:
        """Whether every utterance has had its final and no reply is running."""
        return self._listener.idle and self._conversation.idle

    @property
    def next_input_sample(self) -> int:
        """How many samples have been taken in, at the client's own rate."""
        return self._decoder.input_samples

    @property
    def audio_needed_from(self) -> int:
        """The audio before this session sample is of no more use."""
        return self._listener.audio_needed_from

    def audio_after(self, position: int) -> tuple[int, bytes]:
        """The audio (s16le) from `position` on, or from where it is kept, and where that is."""
        return self._listener.audio_after(position)

    def snapshot(self, now: float) -> SessionState:
        """All it knows beside the audio."""
        return SessionState(
            *(now, self.messages_taken, self._acknowledged, self._ending),
            *(self._decoder.snapshot(), self._framer.snapshot()),
            *(self._listener.snapshot(), self._conversation.snapshot(now)),
            misdeclared=self._declaration.told,
            ahead_ms=self._pace.ahead_ms(now),
        )

    def restore(self, state: SessionState, audio: bytes, start: int, age_s: float, now: float) -> None:
        """Goes on where another process was `age_s` ago, with its audio from the sample `start` on."""
        later_s = now - state.taken_at
        self._pace.restore(state.ahead_ms - age_s * 1000, now)
        self.messages_taken, self._acknowledged = state.messages_taken, state.acknowledged
        self._ending, self._declaration.told = state.ending, state.misdeclared
        self.receive_absence()
        self._decoder.restore(state.decoder)
        self._framer.restore(state.framer)
        self._arrivals.mark(state.framer.position, now)
        self._conversation.restore(state.conversation, later_s, now)
        self._listener.restore(state.listener, np.frombuffer(audio, dtype="<i2"), start, later_s, now)

    def receive_absence(self) -> None:
        """The client is cut off: who is in mid-word is not taken to have finished, and nothing is said."""
        self._presence.receive_absence()
        self.speech.away = True

    def receive_return(self, now: float) -> None:
        """The client is back."""
        self._presence.receive_return(now)
        self.speech.away = False

    def actions(self) -> list[Action]:
        """What is to be done since the last call."""
        if self._ending and not self._closed and self.idle:
            self._closed = True
            self._actions.append(Close())
        if not self._actions:
            return []
        taken = self._actions[:]
        self._actions.clear()
        return taken

    def open(self) -> None:
        """A new session begins, not one that is resumed."""
        self._conversation.open()

    @property
    def reply_audio(self) -> events.AudioShape | None:
        """What replies are said in; None when they are not."""
        aloud = self.profile.reply is commands.ReplyMode.AUDIO
        return events.AudioShape(self._decoder.format, self._decoder.rate) if aloud else None

    def receive_audio(self, data: bytes, now: float) -> None:
        """A piece of audio. Raises OddByteCount, AudioTooFast, or InvalidState after `end`."""
        if self._ending:
            raise InvalidState("audio after `end`")
        before = self._decoder.input_samples
        pcm = self._decoder.decode(data)
        length_s = (self._decoder.input_samples - before) / self._decoder.rate
        self._pace.admit(length_s * 1000, now)
        self._presence.receive_audio(now, length_s)
        self._check_declaration(data, length_s, now)
        self._arrivals.mark(self._framer.position + len(pcm), now)
        for window in self._framer.push(pcm):
            self._listener.receive_window(window, now)
        self._listener.take_updates(now)
        self.replies.receive_tick(now)
        self._acknowledge()

    def _check_declaration(self, data: bytes, length_s: float, now: float) -> None:
        found = self._declaration.receive(data, length_s, now)
        if found is not None:
            self._actions.append(Emit(events.Fault.of(AudioMisdeclared(found))))

    def receive_command(self, command: commands.Command, now: float) -> None:
        """What the client asks for. Raises InvalidValue or InvalidState, changing nothing."""
        if self._ending and not isinstance(command, _ALLOWED_AFTER_END):
            raise InvalidState(f"{type(command).__name__} after End")
        match command:
            case commands.Commit():
                self._commit(now)
            case commands.Cancel():
                self._conversation.cancel(now)
            case commands.TypeText(text):
                watch = Stopwatch(self._conversation.next_turn(), zero=now)
                self._conversation.receive_typed(text, watch, now)
            case commands.Configure():
                self.configure(command)
            case commands.Played(audio_ms, turn):
                self.replies.receive_played(turn, audio_ms, now)
            case commands.End():
                self._end(now)
            case commands.Acknowledge() | commands.Refresh():
                pass  # of the connection, which has seen to it
            case _:
                assert_never(command)
        self._acknowledge()

    def configure(self, command: commands.Configure) -> None:
        """Changes the profile. Raises InvalidValue, changing nothing."""
        profile = self.profile.configured(command)
        self._listener.configure(command)
        self._conversation.configure(profile)
        self.profile = profile

    def receive_recognition(self, answer: Any, now: float) -> None:
        """What the transcription's executor hands back for a Recognize."""
        self._listener.receive_recognition(answer, now)

    def receive_call_progress(self, turn: int, call: ToolCalled, news: CallProgress) -> None:
        """What is new of a FollowBackgroundCall."""
        self._conversation.receive_call_progress(turn, call, news)

    def receive_verdict(self, check: Check, categories: tuple[str, ...], now: float) -> None:
        """Moderation found something in what was said, or in a reply."""
        self._conversation.receive_verdict(check, categories, now)

    def receive_tick(self, now: float, late_s: float = 0.0) -> None:
        """Time passes; to be called a few times a second. late_s: after it was due; when everything has stood
        still for so long, nobody could be heard, and what was said meanwhile comes at once."""
        self._pace.begin(now)
        if late_s >= _STANDSTILL_S:
            self._presence.receive_standstill(late_s, now)
        self.replies.receive_tick(now)
        self._listener.receive_tick(now, self._presence.heard_until(now))

    def falls_silent(self, now: float) -> bool:
        """Whether audio has just stopped coming in mid-word. Whoever asks must find out whether the client is
        still there: until `receive_sign`, it is taken to be cut off."""
        return not self._listener.idle and self._presence.falls_silent(now)

    def receive_sign(self) -> None:
        """The client is there: it does not send because nobody speaks any more."""
        self._presence.receive_sign()

    def _commit(self, now: float) -> None:
        """Where nothing is open, a final says so: who commits waits for one."""
        if self._listener.idle:
            turn, here = self._conversation.next_turn(), self._framer.position
            self._actions.append(Emit(events.FinalTranscript(turn, "", (), here, here)))
        self._listener.force_end(EndReason.COMMIT, now)

    def _end(self, now: float) -> None:
        self._ending = True
        for window in self._framer.flush():
            self._listener.receive_window(window, now)
        self._acknowledge(every_ms=0)
        self._listener.force_end(EndReason.END, now)

    def _acknowledge(self, every_ms: int = _ACKNOWLEDGE_EVERY_MS) -> None:
        samples, messages = self._acknowledged
        fresh = self._decoder.input_samples - samples
        due = fresh and fresh * 1000 >= every_ms * self._decoder.rate
        if due or self.messages_taken >= messages + _ACKNOWLEDGE_EVERY_MESSAGES:
            self._acknowledged = self._decoder.input_samples, self.messages_taken
            self._actions.append(Emit(events.AudioAcknowledged(*self._acknowledged)))
