"""One session under test: receives scripted speech and decode results, and collects the events that it sends.

Speech is written as a string, one character for each 20 ms window: `#` is voiced, anything else is quiet.
"""

from collections import deque
from typing import TypeVar

import numpy as np

from voicegw.core import actions, commands, events
from voicegw.core.audio import SAMPLE_RATE, WINDOW_MS, WINDOW_SAMPLES, AudioFormat, Pcm
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.endpoint import EndpointOptions
from voicegw.core.jobs import DecodeFailure, DecodeJob, DecodeResult, Word
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.session import Session, SessionOptions
from voicegw.core.transcription import Transcription
from voicegw.core.utterance import RecognitionOptions
from voicegw.core.windowed_transcription import WindowedTranscription
from voicegw.errors import VoicegwError

QUICK = SessionOptions(
    EndpointOptions(
        onset_ms=40,
        pause_ms=60,
        end_silence_ms=120,
        max_end_silence_ms=120,
        max_utterance_ms=1000,
        stall_ms=500,
    ),
    RecognitionOptions(partial_interval_ms=100, shown_edge_ms=0, context_ms=0),
    reply=ReplyOptions(barge_in=BargeInOptions(voiced_ms=40)),
    max_burst_ms=60_000,
)
ONSET = "##"
PAUSE = "..."  # under QUICK
END = "......"

AnyEvent = TypeVar("AnyEvent", bound=events.Event)


def spoken(text: str, start: int = 0, length: int = 1600) -> tuple[Word, ...]:
    """The words of `text`, each `length` samples long. A word with the prefix `+` has no blank before it."""
    return tuple(
        Word(
            word.removeprefix("+"), start + index * length, start + (index + 1) * length, 0.9, word[0] == "+"
        )
        for index, word in enumerate(text.split())
    )


def ramp(samples: int, start: int = 0) -> Pcm:
    """Samples whose values are their positions."""
    return (np.arange(start, start + samples) % 30_000).astype(np.int16)


def windowed(options: SessionOptions, language: str = "") -> WindowedTranscription:
    """The transcription of a session with these options."""
    return WindowedTranscription("session-1", options.recognition, options.endpoint.pre_roll_ms, language)


class ScriptedScorer:
    """Scores windows as scripted, and every further window as silence. While `ignoring`, it uses up no
    score."""

    def __init__(self) -> None:
        self.ignoring = False
        self._scores: deque[float] = deque()

    def expect(self, speech: str) -> None:
        self._scores.extend(float(window == "#") for window in speech)

    def score(self, window: Pcm) -> float:
        assert window.shape == (WINDOW_SAMPLES,)
        return self._scores.popleft() if self._scores and not self.ignoring else 0.0


class Scenario:
    """events: all that were sent so far. job: the decode in flight. request: the reply in progress. ready: a
    speculative reply that is complete."""

    def __init__(
        self,
        options: SessionOptions = QUICK,
        *,
        audio_format: AudioFormat = AudioFormat.PCM,
        rate: int = SAMPLE_RATE,
        language: str = "",
        transcription: Transcription | None = None,
    ) -> None:
        self.scorer = ScriptedScorer()
        self.profile = SessionProfile(rate, audio_format, language=language)
        transcription = transcription or windowed(options, language)
        self.session = Session("session-1", options, self.profile, self.scorer, transcription)
        self.now = 100.0
        self.events: list[events.Event] = []
        self.jobs: list[DecodeJob] = []
        self.job: DecodeJob | None = None
        self.requests: list[actions.Respond] = []
        self.request: actions.Respond | None = None
        self.ready: actions.Respond | None = None
        self.confirmed: list[int] = []
        self.followed: list[actions.FollowBackgroundCall] = []
        self.prewarmed: list[tuple[events.Message, ...]] = []
        self.speak: actions.Speak | None = None  # the sentence that the voice is at
        self.played = b""  # the reply audio that was sent
        self.stopped = self.closed = 0
        self.options = options
        self.audio_format = audio_format
        self.rate = rate
        self.sent = bytearray()
        self.width = 2 if audio_format is AudioFormat.PCM else 1

    # --- input of the session ---

    def hear(self, speech: str) -> None:
        """Audio in real time, one message for each window."""
        for window in speech:
            self.scorer.expect(window)
            self.now += WINDOW_MS / 1000
            self.send(WINDOW_SAMPLES)

    def send(self, samples: int) -> None:
        """One message of audio, now."""
        audio = ramp(samples, len(self.sent) // self.width)
        data = audio.astype(np.int16 if self.width == 2 else np.uint8).tobytes()
        self.session.receive_audio(data, self.now)
        self.sent += data
        self.perform()

    def configure_replies(self, mode: commands.ReplyMode) -> None:
        """How turns are answered from now on."""
        self.command(commands.Configure(reply=mode))

    def command(self, command: commands.Command) -> None:
        self.session.receive_command(command, self.now)
        self.perform()

    def say(self, text: str) -> None:
        self.command(commands.TypeText(text))

    def end(self) -> None:
        self.command(commands.End())

    def wait(self, milliseconds: int) -> None:
        """Time passes without audio."""
        self.now += milliseconds / 1000
        self.session.receive_tick(self.now)
        self.perform()

    def answer(
        self,
        text: str,
        job: DecodeJob | None = None,
        language: str = "",
        end_of_turn: float | None = None,
        *,
        context_dropped: bool = False,
        suspicious: bool = False,
    ) -> None:
        """The decode in flight (or `job`) has these words."""
        job = self._land(job)
        words = spoken(text, job.start)
        result = DecodeResult(
            *(job.session, job.number, words, 3.0, 40.0, language),
            end_of_turn=end_of_turn,
            context_dropped=context_dropped,
            suspicious=suspicious,
        )
        self.session.receive_recognition(result, self.now)
        self.perform()

    def fail(self, job: DecodeJob | None = None) -> None:
        """The decode in flight (or `job`) fails."""
        self.session.receive_recognition(DecodeFailure(self._land(job).number), self.now)
        self.perform()

    def reply(self, *pieces: events.ReplyPiece, attempt: int | None = None) -> None:
        """The model writes."""
        for piece in pieces:
            self.session.replies.receive_piece(attempt or self._open_attempt(), piece, self.now)
        self.perform()

    def finish_reply(self, error: VoicegwError | None = None, attempt: int | None = None) -> None:
        """The model is done, or has failed."""
        attempt = attempt or self._open_attempt()
        if self.request is not None and self.request.attempt == attempt:
            waits = self.request.speculative and attempt not in self.confirmed and error is None
            self.request, self.ready = None, self.request if waits else None
        self.session.replies.receive_end(attempt, error, self.now)
        self.perform()

    def utter(self, milliseconds: int, error: VoicegwError | None = None) -> None:
        """The voice synthesises the requested sentence, or fails."""
        speak, self.speak = self.speak, None
        assert speak is not None, "the voice was asked for nothing"
        pcm = bytes(2 * speak.rate * milliseconds // 1000)
        self.session.speech.receive_audio(speak.turn, speak.number, pcm, self.now)
        self.session.replies.receive_audio_end(speak.turn, speak.number, error, self.now)
        self.perform()

    def settle(self) -> None:
        """Answers all requests until there is none."""
        for _ in range(100):
            if self.job is not None:
                self.answer("so be it")
            elif self.request is not None:
                self.finish_reply()
            else:
                return
        raise AssertionError("the session keeps asking")

    # --- what came of it ---

    def all(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """Every event of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[AnyEvent]) -> AnyEvent:
        return self.all(kind)[-1]

    def kinds(self) -> list[str]:
        """The names of the events so far, without acknowledgements."""
        return [type(event).__name__ for event in self.events if type(event) is not events.AudioAcknowledged]

    @property
    def seen(self) -> list[actions.Respond]:
        """The requests for a reply that were for a turn, not only ahead of one that never came."""
        return [each for each in self.requests if not each.speculative or each.attempt in self.confirmed]

    @property
    def open_attempts(self) -> list[int]:
        """The attempts in progress, and the complete speculative one."""
        return [each.attempt for each in (self.request, self.ready) if each is not None]

    def _land(self, job: DecodeJob | None) -> DecodeJob:
        landed = job or self.job
        assert landed is not None, "no decode is out"
        if landed is self.job:
            self.job = None
        return landed

    def _open_attempt(self) -> int:
        assert self.request is not None, "no reply was asked for"
        return self.request.attempt

    def perform(self) -> None:
        """Performs the actions of the session."""
        for action in self.session.actions():
            match action:
                case actions.SendEvent(event):
                    self.events.append(event)
                case actions.Recognize(job):
                    self.job = job
                    self.jobs.append(job)
                case actions.Prewarm(messages):
                    self.prewarmed.append(messages)
                case actions.ConfirmReply(attempt):
                    assert self.open_attempts == [attempt]
                    assert self.requests[-1].speculative
                    self.confirmed.append(attempt)
                    self.ready = None
                case actions.Respond():
                    assert self.request is None, "a second reply was requested while one was in progress"
                    assert self.ready is None, "a second reply was requested while one was complete"
                    self.request = action
                    self.requests.append(action)
                case actions.StopResponding():
                    assert self.request or self.ready, "there was no reply to stop"
                    self.request = self.ready = None
                    self.stopped += 1
                case actions.FollowBackgroundCall():
                    self.followed.append(action)
                case actions.Speak():
                    assert self.speak is None, "two sentences were requested at a time"
                    self.speak = action
                case actions.Play(audio=audio):
                    self.played += audio
                case actions.StopSpeaking():
                    self.speak = None
                case actions.Close():
                    self.closed += 1


def assert_partial(scenario: Scenario, stable: str, tentative: str) -> None:
    """The last partial is this."""
    partial = scenario.last(events.PartialTranscript)
    assert (partial.stable, partial.tentative) == (stable, tentative)


def assert_final(scenario: Scenario, turn: int, text: str) -> None:
    """The turn has one final, and this is it."""
    assert [final.text for final in scenario.all(events.FinalTranscript) if final.turn == turn] == [text]


def assert_reply(
    scenario: Scenario, turn: int, text: str, reason: events.ReplyReason = events.ReplyReason.COMPLETED
) -> None:
    """The turn's reply is over with this text and for this reason, and its latency was reported."""
    assert events.ReplyDone(turn, text, reason) in scenario.events
    assert [report.turn for report in scenario.all(events.TurnLatency)].count(turn) == 1


def assert_turn(scenario: Scenario, turn: int, said: str, replied: str) -> None:
    """The turn went all the way from speech to a completed reply."""
    of_turn = [event for event in scenario.events if getattr(event, "turn", None) == turn]
    order = [type(event) for event in of_turn if not isinstance(event, events.PartialTranscript)]
    deltas = [events.ReplyDelta] * len([event for event in of_turn if isinstance(event, events.ReplyDelta)])
    assert order == [
        *(events.SpeechStarted, events.SpeechStopped, events.FinalTranscript, events.ReplyStarted),
        *(*deltas, events.ReplyDone, events.TurnLatency),
    ]
    assert_final(scenario, turn, said)
    assert_reply(scenario, turn, replied)
