"""A streaming recogniser in a real session: the endpointer, the listener and the conversation are those of
every session; only the transcription is another (tests/streaming.py)."""

from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from tests.core.scenario import END, PAUSE, QUICK, Scenario, assert_final, assert_partial
from tests.streaming import Feed, Flush, ScriptedEngine, StreamingTranscription
from voicegw.core import commands, events, snapshot
from voicegw.core.audio import WINDOW_SAMPLES
from voicegw.core.events import FinalTranscript, PartialTranscript
from voicegw.core.jobs import Word
from voicegw.core.session import Session
from voicegw.core.snapshot import SessionState


def said(text: str, first: int = 0, windows: int = 5) -> list[Word]:
    """Words of 100 ms, or so many windows, one after the other, from a window on."""
    return [
        Word(
            word,
            (first + windows * index) * WINDOW_SAMPLES,
            (first + windows * (index + 1)) * WINDOW_SAMPLES,
            0.9,
        )
        for index, word in enumerate(text.split())
    ]


class Streamed(Scenario):
    """A session with that transcription, whose engine answers at once."""

    def __init__(self, script: list[Word], latency: int = 0, *, mute: bool = False) -> None:
        super().__init__(QUICK, transcription=StreamingTranscription())
        self.engine = ScriptedEngine(script, latency * WINDOW_SAMPLES, mute)

    def perform(self) -> None:
        super().perform()
        while self.jobs:
            emitted = self.engine.hear(cast(Feed | Flush, self.jobs.pop(0)))
            if emitted is not None:
                self.session.receive_recognition(emitted, self.now)
                super().perform()

    def move(self) -> None:
        """The session moves to another process with another engine."""
        taken = snapshot.encode(self.session.snapshot(self.now))
        transcription = self.session.transcription
        kept = transcription.kept_audio(transcription.kept_audio(0).needed_from)
        state = snapshot.decode(taken, SessionState)
        assert isinstance(state, SessionState)
        self.session = Session(
            "session-1", QUICK, self.session.profile, self.scorer, StreamingTranscription()
        )
        self.engine.fed.clear()
        self.scorer.ignoring = True
        self.session.restore(state, kept.pcm, kept.start, 0.0, self.now)
        self.scorer.ignoring = False
        self.session.receive_reconnect(self.now)
        self.perform()


def shown(scenario: Scenario) -> list[str]:
    return [event.stable for event in scenario.all(PartialTranscript)]


def test_words_are_shown_as_the_engine_emits_them() -> None:
    scenario = Streamed(said("turn the lights on"))
    scenario.hear("#" * 20)
    assert shown(scenario) == ["turn", "turn the", "turn the lights", "turn the lights on"]
    assert scenario.last(PartialTranscript).audio_end == 20 * WINDOW_SAMPLES


def test_it_may_be_late_and_the_end_of_the_utterance_gets_the_rest() -> None:
    scenario = Streamed(said("turn the lights on"), latency=12)
    scenario.hear("#" * 20)
    assert_partial(scenario, "turn", "")
    scenario.hear(END)
    assert_final(scenario, 1, "turn the lights on")
    final = scenario.last(FinalTranscript)
    assert (final.start, final.end, final.language) == (0, 26 * WINDOW_SAMPLES, "en")
    assert scenario.requests[-1].messages[-1].content == "turn the lights on"


def test_in_a_pause_a_speculative_reply_is_requested_and_shown_when_confirmed() -> None:
    scenario = Streamed(said("what time is it?"))
    scenario.hear("#" * 20 + PAUSE)
    assert [request.speculative for request in scenario.requests] == [True]
    scenario.reply("Noon.")
    assert scenario.all(events.ReplyDelta) == []
    scenario.hear(END)
    assert scenario.confirmed == [1]
    assert scenario.last(events.ReplyDelta).text == "Noon."


def test_a_pause_that_ends_in_the_same_message_requests_nothing() -> None:
    scenario = Streamed(said("what time is it?"))
    scenario.hear("#" * 20)
    scenario.scorer.expect(PAUSE + "##")
    scenario.send(5 * WINDOW_SAMPLES)
    assert scenario.requests == []


def test_words_without_audio_of_their_own_come_when_they_come() -> None:
    scenario = Streamed(said("so be it"), mute=True)
    scenario.hear("#" * 15 + END)
    assert scenario.all(FinalTranscript) == []
    scenario.engine.mute = False
    emitted = scenario.engine.hear(Flush(1))
    scenario.session.receive_recognition(emitted, scenario.now)
    scenario.perform()
    assert_final(scenario, 1, "so be it")


def test_one_utterance_follows_another() -> None:
    scenario = Streamed([*said("one two"), *said("three", first=30)])
    scenario.configure_replies(commands.ReplyMode.NONE)
    scenario.hear("#" * 10 + "." * 20 + "#" * 5 + END)
    assert [(final.turn, final.text) for final in scenario.all(FinalTranscript)] == [
        (1, "one two"),
        (2, "three"),
    ]


def test_words_over_a_reply_stop_it() -> None:
    scenario = Streamed(said("no wait", first=10))
    scenario.say("Tell me a story.")
    scenario.reply("Once upon a time")
    scenario.hear("." * 10 + "#" * 10)
    assert scenario.last(events.ReplyDone).reason is events.ReplyReason.INTERRUPTED


def test_an_utterance_that_is_too_long_is_ended() -> None:
    scenario = Streamed(said("a b c d e f g h i j k l"))
    scenario.hear("#" * 60)
    assert scenario.all(events.SpeechStopped)[0].reason is events.EndReason.MAX_LENGTH
    assert scenario.all(FinalTranscript)[0].text.startswith("a b c d")


def test_a_commit_flushes_what_was_said() -> None:
    scenario = Streamed(said("turn the lights on"), latency=50)
    scenario.hear("#" * 20)
    scenario.command(commands.Commit())
    assert_final(scenario, 1, "turn the lights on")


def test_an_engine_that_never_answers_fails_its_utterance_only() -> None:
    scenario = Streamed(said("hello") + said("again", first=6_050), mute=True)
    scenario.hear("#" * 5 + END)
    scenario.wait(121_000)
    assert [fault.code for fault in scenario.all(events.Fault)] == ["recognition_failed"]
    assert_final(scenario, 1, "")
    scenario.engine.mute = False
    scenario.hear("#" * 5 + END)
    assert [final.turn for final in scenario.all(FinalTranscript)] == [1, 2]


def test_the_session_ends_after_its_last_words() -> None:
    scenario = Streamed(said("bye"), latency=50)
    scenario.configure_replies(commands.ReplyMode.NONE)
    scenario.hear("#" * 5)
    scenario.end()
    assert_final(scenario, 1, "bye")
    assert scenario.closed == 1


def test_only_what_is_needed_is_kept_in_silence() -> None:
    scenario = Streamed(said("one"))
    scenario.configure_replies(commands.ReplyMode.NONE)
    scenario.hear("#" * 5 + "." * 500)
    kept = scenario.session.transcription.kept_audio(0)
    assert len(kept.pcm) <= 2 * 16_000
    assert kept.start + len(kept.pcm) // 2 == 505 * WINDOW_SAMPLES


SPEECH = st.lists(st.sampled_from(["#####", "#" * 12, ".", "...", "." * 7, "." * 14, "#"]), max_size=12)


def finals(speech: str, latency: int, cuts: set[int]) -> list[FinalTranscript]:
    windows = speech + "." * 30
    scenario = Streamed(said("w " * (len(windows) // 5)), latency)
    scenario.configure_replies(commands.ReplyMode.NONE)
    for number, window in enumerate(windows):
        scenario.hear(window)
        if number in cuts:
            scenario.move()
    return scenario.all(FinalTranscript)


@given(SPEECH, st.integers(0, 12), st.sets(st.integers(0, 120), max_size=4))
def test_the_finals_are_those_of_a_session_left_alone(
    speech: list[str], latency: int, cuts: set[int]
) -> None:
    assert finals("".join(speech), latency, cuts) == finals("".join(speech), latency, set())


@given(SPEECH, st.integers(0, 12))
def test_every_utterance_has_one_final_in_order_and_partials_only_grow(
    speech: list[str], latency: int
) -> None:
    scenario = Streamed(said("w " * 40), latency)
    scenario.configure_replies(commands.ReplyMode.NONE)
    scenario.hear("".join(speech) + "." * 30)
    started = [event.turn for event in scenario.all(events.SpeechStarted)]
    assert [final.turn for final in scenario.all(FinalTranscript)] == started
    told = [event for event in scenario.events if isinstance(event, PartialTranscript | FinalTranscript)]
    for before, after in pairwise(told):
        if isinstance(before, PartialTranscript) and before.turn == after.turn:
            text = after.stable if isinstance(after, PartialTranscript) else after.text
            assert text.startswith(before.stable)
