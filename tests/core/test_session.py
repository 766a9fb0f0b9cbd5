import pytest

from tests.core.scenario import (
    END,
    ONSET,
    PAUSE,
    QUICK,
    Scenario,
    ScriptedScorer,
    assert_final,
    assert_reply,
    assert_turn,
    windowed,
)
from voicegw.core import actions, commands, events
from voicegw.core.audio import AudioFormat
from voicegw.core.events import AudioAcknowledged, EndReason, Message, ReplyReason, SpeechStopped
from voicegw.core.latency import TurnLatency
from voicegw.core.moderation_queue import Check
from voicegw.core.profile import SessionProfile
from voicegw.core.session import Session, SessionOptions
from voicegw.errors import AudioTooFast, InvalidState, LLMInterrupted, OddByteCount


@pytest.fixture
def scenario() -> Scenario:
    return Scenario()


def test_a_turn_from_speech_to_reply(scenario: Scenario) -> None:
    scenario.hear("..########" + END)
    scenario.answer("what time is it")
    assert scenario.request is not None
    assert scenario.request.messages[-1] == Message("user", "what time is it")
    scenario.reply("It is ", "noon.")
    scenario.finish_reply()
    assert_turn(scenario, 1, said="what time is it", replied="It is noon.")
    assert scenario.session.idle


def test_turns_are_numbered_as_they_begin(scenario: Scenario) -> None:
    scenario.hear(ONSET + END)
    scenario.answer("one")
    scenario.say("two")
    scenario.hear(ONSET + END)
    scenario.answer("three")
    scenario.finish_reply()
    assert [request.turn for request in scenario.requests] == [1, 2, 3]
    assert_final(scenario, 3, "three")


def test_speech_with_words_interrupts_the_reply(scenario: Scenario) -> None:
    scenario.say("tell me a story")
    scenario.reply("once upon")
    scenario.hear("#####")
    assert scenario.request is not None
    scenario.answer("no")
    assert scenario.request is None
    assert_reply(scenario, 1, "once upon", ReplyReason.INTERRUPTED)


def test_cancel_stops_the_reply(scenario: Scenario) -> None:
    scenario.say("tell me a story")
    scenario.reply("once upon")
    scenario.command(commands.Cancel())
    assert_reply(scenario, 1, "once upon", ReplyReason.CANCELLED)
    scenario.reply(" a time", attempt=1)
    scenario.finish_reply(attempt=1)
    assert scenario.session.idle


def test_what_was_said_before_a_hang_up_is_not_answered(scenario: Scenario) -> None:
    scenario.hear(ONSET + END + ONSET)
    scenario.answer("book a table")
    scenario.command(commands.End(answered=False))
    scenario.answer("for two")
    assert_final(scenario, 2, "for two")
    assert (scenario.requests, scenario.closed) == ([], 1)


def test_the_reply_that_was_prepared_before_a_hang_up_is_dropped(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE)
    scenario.answer("book a table")
    assert scenario.request is not None
    scenario.command(commands.End(answered=False))
    scenario.settle()
    assert (scenario.stopped, scenario.seen, scenario.closed) == (1, [], 1)


@pytest.mark.parametrize(
    ("order", "further"), [(commands.End(answered=False), ""), (commands.Configure(automatic=False), END)]
)
def test_an_earlier_turn_is_not_answered_in_place_of_the_one_whose_reply_is_dropped(
    scenario: Scenario, order: commands.Command, further: str
) -> None:
    scenario.hear(ONSET + END + ONSET)
    scenario.answer("book a table")
    scenario.hear(PAUSE)
    scenario.answer("for two")
    assert scenario.request is not None
    assert scenario.request.speculative
    scenario.command(commands.Cancel())
    scenario.command(order)
    scenario.hear(further)
    scenario.settle()
    assert_final(scenario, 2, "for two")
    assert (len(scenario.requests), scenario.stopped, scenario.seen) == (1, 1, [])
    assert [report.turn for report in scenario.all(TurnLatency)] == [1, 2]


def test_the_session_continues_after_a_failed_reply(scenario: Scenario) -> None:
    scenario.say("hello")
    scenario.finish_reply(LLMInterrupted())
    assert scenario.last(events.Fault).code == "llm_interrupted"
    assert_reply(scenario, 1, "", ReplyReason.FAILED)
    scenario.say("again")
    assert scenario.request is not None


def test_the_session_continues_after_a_lost_utterance(scenario: Scenario) -> None:
    scenario.hear("####")
    scenario.command(commands.Commit())
    scenario.fail()
    assert scenario.last(events.Fault).code == "recognition_failed"
    assert_final(scenario, 1, "")
    scenario.hear(ONSET + END)
    scenario.answer("once more")
    assert_final(scenario, 2, "once more")


def test_replies_can_be_turned_off_and_on(scenario: Scenario) -> None:
    scenario.command(commands.Configure(reply=commands.ReplyMode.NONE))
    scenario.hear(ONSET + END)
    scenario.answer("to nobody")
    assert scenario.requests == []
    scenario.command(commands.Configure(reply=commands.ReplyMode.TEXT))
    scenario.hear(ONSET + END)
    scenario.answer("to you")
    assert [request.turn for request in scenario.requests] == [2]


def test_configuring_something_else_leaves_replies_as_they_are(scenario: Scenario) -> None:
    scenario.configure_replies(commands.ReplyMode.NONE)
    scenario.command(commands.Configure(end_silence_ms=200))
    scenario.hear(ONSET + "." * 10)
    scenario.answer("to nobody")
    assert scenario.requests == []


@pytest.mark.parametrize("mode", commands.ReplyMode)
def test_says_how_it_replies_now(scenario: Scenario, mode: commands.ReplyMode) -> None:
    assert scenario.session.profile.reply is commands.ReplyMode.TEXT
    scenario.command(commands.Configure(reply=mode))
    assert scenario.session.profile.reply is mode


def test_speculation_can_be_turned_off(scenario: Scenario) -> None:
    scenario.command(commands.Configure(speculate=False))
    scenario.hear(ONSET + PAUSE)
    scenario.answer("what time is it")
    assert scenario.request is None


def test_a_new_session_lets_the_model_read_the_prompt(scenario: Scenario) -> None:
    scenario.session.open()
    scenario.hear(".")
    assert [message.role for [message] in scenario.prewarmed] == ["system"]


def test_a_session_that_only_transcribes_does_not(scenario: Scenario) -> None:
    scenario.configure_replies(commands.ReplyMode.NONE)
    scenario.session.open()
    scenario.hear(".")
    assert scenario.prewarmed == []


@pytest.mark.parametrize("command", [commands.Played(100), commands.Acknowledge(7)])
def test_commands_of_the_connection_cause_no_action(scenario: Scenario, command: commands.Command) -> None:
    scenario.command(command)
    assert scenario.events == []


class TestAudio:
    def test_is_acknowledged_once_a_second_in_the_clients_own_samples(self) -> None:
        profile = SessionProfile(8_000, AudioFormat.MULAW)
        session = Session("s", QUICK, profile, ScriptedScorer(), windowed(QUICK))
        acknowledged = []
        for message in range(25):
            session.receive_audio(bytes(800), now=message * 0.1)
            acknowledged += [action for action in session.actions() if isinstance(action, actions.SendEvent)]
        assert [ack.event for ack in acknowledged] == [AudioAcknowledged(8_000), AudioAcknowledged(16_000)]

    def test_is_acknowledged_with_a_typed_message_but_not_with_others(self, scenario: Scenario) -> None:
        scenario.hear("....")
        for command in (commands.Cancel(), commands.TypeText("hello")):
            scenario.session.messages_taken += 1
            scenario.command(command)
        assert scenario.all(AudioAcknowledged) == [AudioAcknowledged(1280, 2)]

    def test_of_half_a_sample_is_refused(self, scenario: Scenario) -> None:
        with pytest.raises(OddByteCount):
            scenario.session.receive_audio(b"\x00\x00\x00", scenario.now)
        scenario.hear(ONSET)
        assert scenario.kinds() == ["SpeechStarted"]

    def test_far_ahead_of_real_time_is_refused(self) -> None:
        scenario = Scenario(SessionOptions(max_burst_ms=100))
        scenario.send(1600)
        with pytest.raises(AudioTooFast):
            scenario.send(160)

    def test_names_its_language_to_the_recogniser(self) -> None:
        scenario = Scenario(language="de")
        scenario.hear("#####")
        assert scenario.jobs[0].language == "de"
        assert scenario.jobs[0].session == scenario.session.name


class TestEnd:
    def test_closes_a_quiet_session_at_once(self, scenario: Scenario) -> None:
        scenario.hear("....")
        scenario.end()
        assert scenario.closed == 1
        assert scenario.events == [AudioAcknowledged(1280)]

    def test_settles_the_running_utterance_and_its_reply_first(self, scenario: Scenario) -> None:
        scenario.hear("####")
        scenario.end()
        assert scenario.last(SpeechStopped).reason is EndReason.END
        scenario.answer("goodbye")
        assert scenario.closed == 0
        scenario.reply("see you")
        scenario.finish_reply()
        assert_turn(scenario, 1, said="goodbye", replied="see you")
        assert scenario.closed == 1

    def test_closes_once(self, scenario: Scenario) -> None:
        scenario.end()
        scenario.wait(1000)
        scenario.wait(1000)
        assert scenario.closed == 1

    def test_hears_the_last_samples_too(self, scenario: Scenario) -> None:
        scenario.hear("#")
        scenario.scorer.expect("#")
        scenario.send(5)
        scenario.end()
        assert scenario.kinds() == ["SpeechStarted", "SpeechStopped"]
        assert len(scenario.jobs[0].pcm) == 2 * 640

    def test_the_last_reply_may_still_be_cancelled(self, scenario: Scenario) -> None:
        scenario.say("hello")
        scenario.end()
        scenario.reply("Good ")
        scenario.command(commands.Cancel())
        assert_reply(scenario, 1, "Good ", ReplyReason.CANCELLED)
        assert scenario.closed == 1

    def test_is_the_end(self, scenario: Scenario) -> None:
        scenario.end()
        with pytest.raises(InvalidState, match="audio after `end`"):
            scenario.send(320)
        with pytest.raises(InvalidState, match="TypeText after End"):
            scenario.say("hello?")


def test_a_moderation_verdict_stops_the_reply(scenario: Scenario) -> None:
    scenario.say("something bad")
    check = Check(1, events.ModerationTarget.INPUT, "something bad")
    scenario.session.dialogue.receive_verdict(check, ("violence",), scenario.now)
    scenario.perform()
    assert scenario.stopped == 1
    assert_reply(scenario, 1, "", events.ReplyReason.MODERATED)


def test_the_detected_language_is_known(scenario: Scenario) -> None:
    assert scenario.session.language == ""
    scenario.hear(ONSET + END)
    scenario.answer("guten Tag", language="de")
    assert scenario.session.language == "de"


def test_a_stall_of_the_process_ends_no_utterance() -> None:
    scenario = Scenario()
    scenario.hear(ONSET + "##")
    scenario.now += 3.0
    scenario.session.receive_tick(scenario.now, late_s=2.9)
    scenario.perform()
    assert not scenario.all(SpeechStopped)
    scenario.wait(500)
    assert scenario.last(SpeechStopped).reason is EndReason.STALLED


def test_a_disconnect_does_not_end_the_utterance() -> None:
    scenario = Scenario()
    scenario.hear(ONSET + "##")
    scenario.session.receive_disconnect()
    scenario.wait(60_000)
    assert not scenario.all(SpeechStopped)
    scenario.session.receive_reconnect(scenario.now)
    scenario.wait(500)
    assert scenario.all(SpeechStopped)


def test_a_silent_client_has_finished_only_if_it_answers_the_probe() -> None:
    scenario = Scenario()
    scenario.hear(ONSET + "##")
    assert not scenario.session.probe_due(scenario.now + 0.4)
    assert scenario.session.probe_due(scenario.now + 0.5)
    assert not scenario.session.probe_due(scenario.now + 0.6)
    scenario.wait(5_000)
    assert not scenario.all(SpeechStopped)
    scenario.session.liveness.receive_probe_answer()
    scenario.wait(0)
    assert scenario.last(SpeechStopped).reason is EndReason.STALLED
