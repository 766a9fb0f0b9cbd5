"""The session: receives audio, commands, recognition results and reply pieces, and returns actions.

It only routes: audio passes through the input decoder and the framer to the listener; its transcripts go to
the dialogue manager, which requests replies from the model. The session never waits and reads no clock; every
`now` is monotonic seconds. After each `receive_*` the session runner performs the actions that `actions`
returns, in order.
"""

from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np

from voicegw.core import commands, events
from voicegw.core.actions import Action, Close, SendEvent
from voicegw.core.audio import ArrivalClock, Framer, InputDecoder, PaceLimit
from voicegw.core.audio_check import AudioCheck
from voicegw.core.chat_history import DialogueOptions
from voicegw.core.dialogue_manager import DialogueManager
from voicegw.core.endpoint import Endpointer, EndpointOptions, SpeechScorer
from voicegw.core.events import EndReason
from voicegw.core.latency import TurnTiming
from voicegw.core.listener import Listener
from voicegw.core.liveness_check import LivenessCheck
from voicegw.core.options import option
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.snapshot import SessionState
from voicegw.core.speech_output import SpeechOptions, SpeechOutput
from voicegw.core.transcription import Transcription
from voicegw.core.utterance import RecognitionOptions
from voicegw.errors import AudioMisdeclared, InvalidState

_ACKNOWLEDGE_EVERY_MS = 1000
_ACKNOWLEDGE_EVERY_MESSAGES = 16
_STALL_S = 0.5
_ALLOWED_AFTER_END = (  # a reply may still be running
    *(commands.Cancel, commands.Acknowledge, commands.Played, commands.HoldAudio),
    *(commands.Relay, commands.TruncateReply),
)


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The options of a session."""

    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    # used by the creator of its transcription
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)
    dialogue: DialogueOptions = field(default_factory=DialogueOptions)
    reply: ReplyOptions = field(default_factory=ReplyOptions)
    speech: SpeechOptions = field(default_factory=SpeechOptions)
    max_burst_ms: int = option(5000, "audio a client may be ahead of real time", ge=100, le=60_000)


class Session:
    """See the module. `scorer` and `transcription` belong to this session alone. Raises InvalidValue for an
    invalid profile.

    dialogue: receives the verdicts of moderation and the progress of background calls. replies: receives the
    output of the model, and the end of each Speak. speech: receives the audio of the voice. liveness:
    receives the answers to probes. pace: how far the audio is ahead of real time. transcription: keeps the
    audio that is still needed. messages_taken: how many text messages the client has sent, valid or not.
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
        self.messages_taken = 0
        self.profile = profile
        self.transcription = transcription
        self._actions: list[Action] = []
        self._decoder = decoder = InputDecoder(profile.audio_format, profile.rate)
        self._audio_check = AudioCheck(decoder.format, decoder.rate)
        self._framer = Framer()
        self.pace = PaceLimit(options.max_burst_ms)
        self._arrivals = ArrivalClock()
        emit = self._actions.append
        self.speech = SpeechOutput(options.speech, decoder.format, decoder.rate, emit, profile.playout)
        self.dialogue = DialogueManager(options.dialogue, options.reply, self.speech, emit)
        self.replies = self.dialogue.replies
        self._listener = Listener(
            Endpointer(options.endpoint),
            transcription,
            scorer,
            self._arrivals,
            self.dialogue,
            emit,
        )
        self.dialogue.configure(profile)
        self._listener.configure(profile)
        self._acknowledged = 0, 0  # samples and messages
        self.liveness = LivenessCheck()
        self._ending = self._closed = False

    @property
    def language(self) -> str:
        """The ISO 639-1 code of the language that the user speaks; empty while it is unknown."""
        return self._listener.language

    @property
    def idle(self) -> bool:
        """Whether every utterance has its final and no reply is in progress."""
        return self._listener.idle and self.dialogue.idle

    @property
    def next_input_sample(self) -> int:
        """How many samples were received, at the client's rate."""
        return self._decoder.input_samples

    def snapshot(self, now: float) -> SessionState:
        """Its state without the audio. It shares objects with the session: encode it before the session
        changes."""
        return SessionState(
            *(now, self.messages_taken, self._acknowledged, self._ending),
            *(self._decoder.snapshot(), self._framer),
            *(self._listener.snapshot(), self.dialogue.snapshot(now)),
            misdeclared=self._audio_check.reported,
            ahead_ms=self.pace.ahead_ms(now),
        )

    def restore(self, state: SessionState, audio: bytes, start: int, age_s: float, now: float) -> None:
        """Continues from the state that another process saved `age_s` ago, with the audio from the session
        sample `start` on."""
        later_s = now - state.taken_at
        self.pace.restore(state.ahead_ms - age_s * 1000, now)
        self.messages_taken, self._acknowledged = state.messages_taken, state.acknowledged
        self._ending, self._audio_check.reported = state.ending, state.misdeclared
        self.receive_disconnect()
        self._decoder.restore(state.decoder)
        self._framer = state.framer
        self._arrivals.mark(state.framer.position, now)
        self.dialogue.restore(state.dialogue, later_s, now)
        self._listener.restore(state.listener, np.frombuffer(audio, dtype="<i2"), start, later_s, now)

    def receive_disconnect(self) -> None:
        """The client has lost its connection: the running utterance continues, and no reply audio is sent."""
        self.liveness.receive_disconnect()
        self.speech.disconnected = True

    def receive_reconnect(self, now: float) -> None:
        """The client has a connection again."""
        self.liveness.receive_reconnect(now)
        self.speech.receive_unknown_loss(now)
        self.speech.disconnected = False

    def actions(self) -> list[Action]:
        """The actions since the last call."""
        if self._ending and not self._closed and self.idle:
            self._closed = True
            self._actions.append(Close())
        if not self._actions:
            return []
        taken = self._actions[:]
        self._actions.clear()
        return taken

    def open(self) -> None:
        """Starts a new session; not called for a restored one."""
        self.dialogue.open()

    def greet(self, now: float) -> None:
        """The client of a new session is connected and can hear: the assistant may say something first."""
        self.dialogue.greet(now)

    def receive_audio(self, data: bytes, now: float) -> None:
        """Receives audio. Raises OddByteCount, AudioTooFast, or InvalidState after `end`."""
        if self._ending:
            raise InvalidState("audio after `end`")
        before = self._decoder.input_samples
        pcm = self._decoder.decode(data)
        length_s = (self._decoder.input_samples - before) / self._decoder.rate
        self.pace.admit(length_s * 1000, now)
        self.liveness.receive_audio(now, length_s)
        self._check_audio(data, length_s, now)
        self._arrivals.mark(self._framer.position + len(pcm), now)
        for window in self._framer.push(pcm):
            self._listener.receive_window(window, now)
        self._listener.take_updates(now)
        self.replies.receive_tick(now)
        self._acknowledge()

    def _check_audio(self, data: bytes, length_s: float, now: float) -> None:
        found = self._audio_check.receive(data, length_s, now)
        if found is not None:
            self._actions.append(SendEvent(events.Fault.of(AudioMisdeclared(found))))

    def receive_command(self, command: commands.Command, now: float) -> None:
        """Performs a command. Raises InvalidValue, InvalidState, ReplyInProgress or NoReply, and then changes
        nothing."""
        if self._ending and not isinstance(command, _ALLOWED_AFTER_END):
            raise InvalidState(f"{type(command).__name__} after End")
        match command:
            case commands.Commit():
                self._commit(now)
            case commands.Discard():
                self._listener.discard(now)
            case commands.Cancel(expected):
                self.dialogue.cancel(now, expected=expected)
            case commands.TypeText(text):
                timing = TurnTiming(self.dialogue.next_turn(), zero=now)
                self.dialogue.receive_typed(text, timing, now)
            case commands.Configure():
                self.configure(command)
            case commands.CreateReply():
                self.dialogue.create_reply(command, now, later=self._listener.awaits_final)
            case commands.AddItem() | commands.DeleteItem() | commands.TruncateReply():
                self.dialogue.items.receive(command, now)
            case commands.Relay(data):
                self._actions.append(SendEvent(events.Relayed(data)))
            case commands.Played():
                self.replies.receive_played(command, now)
            case commands.HoldAudio(held):
                self.speech.client_full = held
                self.replies.receive_tick(now)
            case commands.End(answered):
                self._end(now, answered=answered)
            case commands.Acknowledge() | commands.Refresh():
                pass  # the connection has handled them
            case _:
                assert_never(command)
        # sent again to a new session, a typed message would be answered again, and its tools called again
        typed = isinstance(command, commands.TypeText)
        self._acknowledge(every_messages=1 if typed else _ACKNOWLEDGE_EVERY_MESSAGES)

    def configure(self, command: commands.Configure) -> None:
        """Changes the profile. Raises InvalidValue, changing nothing."""
        profile = self.profile.configured(command)
        self._listener.configure(command)
        self.dialogue.configure(profile)
        self.profile = profile

    def receive_recognition(self, answer: Any, now: float) -> None:
        """An answer of the transcription's executor to a Recognize."""
        self._listener.receive_recognition(answer, now)

    def receive_tick(self, now: float, late_s: float = 0.0) -> None:
        """Called a few times a second. late_s: how late the call is. After a long stall of this process,
        audio that was sent during the stall is still expected."""
        self.pace.begin(now)
        if late_s >= _STALL_S:
            self.liveness.receive_stall(late_s, now)
        self.replies.receive_tick(now)
        self._listener.receive_tick(now, self.liveness.last_audio_at(now))

    def probe_due(self, now: float) -> bool:
        """Whether audio has stopped during an utterance and the caller must send a probe to the client. Until
        `liveness.receive_probe_answer`, the session treats the client as disconnected."""
        return not self._listener.idle and self.liveness.probe_due(now)

    def _commit(self, now: float) -> None:
        """Ends the running utterance. Without one, sends an empty final, because the client waits for a
        final."""
        if self._listener.idle:
            turn, here = self.dialogue.next_turn(), self._framer.position
            self._actions.append(SendEvent(events.FinalTranscript(turn, "", (), here, here)))
        self._listener.force_end(EndReason.COMMIT, now)

    def _end(self, now: float, *, answered: bool) -> None:
        self._ending = True
        if not answered:
            self.configure(commands.Configure(automatic=False))
        for window in self._framer.flush():
            self._listener.receive_window(window, now)
        self._acknowledge(every_ms=0)
        self._listener.force_end(EndReason.END, now)

    def _acknowledge(
        self, every_ms: int = _ACKNOWLEDGE_EVERY_MS, every_messages: int = _ACKNOWLEDGE_EVERY_MESSAGES
    ) -> None:
        samples, messages = self._acknowledged
        fresh = self._decoder.input_samples - samples
        due = fresh and fresh * 1000 >= every_ms * self._decoder.rate
        if due or self.messages_taken >= messages + every_messages:
            self._acknowledged = self._decoder.input_samples, self.messages_taken
            self._actions.append(SendEvent(events.AudioAcknowledged(*self._acknowledged)))
