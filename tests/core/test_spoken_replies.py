"""Spoken replies through the whole core: spoken while they are written, over when they were played, cut off
where the user interrupted."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.scenario import END, ONSET, QUICK, Scenario, assert_reply
from voicegw.core import actions, commands, events
from voicegw.core.chat_history import DialogueOptions
from voicegw.core.commands import ReplyMode
from voicegw.core.events import Message, ReplyReason
from voicegw.errors import LLMInterrupted, VoiceFailed

REPLY = "One two three four. Five six."


@pytest.fixture
def scenario() -> Scenario:
    """A session with spoken replies."""
    scenario = Scenario()
    scenario.configure_replies(ReplyMode.AUDIO)
    return scenario


def history(scenario: Scenario) -> list[Message]:
    """The next prompt without the system prompt and the last question."""
    scenario.say("and?")
    assert scenario.request is not None
    return list(scenario.request.messages[1:-1])


def wait(scenario: Scenario, milliseconds: int) -> None:
    """Time passes, a tick every 50 ms."""
    for _ in range(milliseconds // 50):
        scenario.wait(50)


def ask(scenario: Scenario, reply: str = REPLY, *, seconds: float = 1) -> None:
    """A question, its reply, and `seconds` of audio for its first sentence."""
    scenario.say("hello")
    scenario.reply(reply)
    scenario.finish_reply()
    scenario.utter(round(seconds * 1000))


def test_a_spoken_reply_ends_when_it_was_played(scenario: Scenario) -> None:
    ask(scenario)
    scenario.utter(500)
    wait(scenario, 1400)
    assert scenario.all(events.ReplyDone) == []
    assert not scenario.session.idle
    wait(scenario, 200)
    assert_reply(scenario, 1, REPLY)
    assert len(scenario.played) == 2 * 16_000 * 1.5
    assert scenario.session.idle


GREETING = "Hello there. How can I help?"


@pytest.fixture
def greeted() -> Scenario:
    """A session with spoken replies that begins with a greeting."""
    scenario = Scenario(replace(QUICK, dialogue=DialogueOptions(greeting=GREETING)))
    scenario.configure_replies(ReplyMode.AUDIO)
    scenario.session.greet(scenario.now)
    scenario.perform()
    return scenario


def test_a_greeting_is_said_without_a_request_and_remembered(greeted: Scenario) -> None:
    greeted.utter(1000)
    greeted.utter(500)
    wait(greeted, 1500)
    assert greeted.events[:2] == [events.ReplyStarted(1, greeting=True), events.ReplyDelta(1, GREETING)]
    assert events.ReplyDone(1, GREETING, ReplyReason.COMPLETED) in greeted.events
    assert greeted.requests == []
    assert greeted.all(events.TurnLatency) == []
    assert history(greeted) == [Message("assistant", GREETING)]


def test_a_greeting_can_be_interrupted(greeted: Scenario) -> None:
    greeted.utter(1000)
    wait(greeted, 600)
    greeted.hear(ONSET + "#" * 8)
    greeted.answer("what time is it")
    assert greeted.last(events.ReplyDone).reason is ReplyReason.INTERRUPTED
    greeted.hear(END)
    greeted.settle()
    assert greeted.requests[-1].messages[1] == Message("assistant", "Hello [cut off]")


@pytest.mark.parametrize("mode", [ReplyMode.TEXT, ReplyMode.NONE])
def test_without_spoken_replies_nobody_is_greeted(mode: ReplyMode) -> None:
    scenario = Scenario(replace(QUICK, dialogue=DialogueOptions(greeting=GREETING)))
    scenario.configure_replies(mode)
    scenario.session.greet(scenario.now)
    scenario.perform()
    assert scenario.events == []


def test_its_first_audio_is_in_the_latency(scenario: Scenario) -> None:
    scenario.say("hello")
    scenario.reply(REPLY)
    scenario.finish_reply()
    scenario.now += 0.25
    scenario.utter(400)
    scenario.utter(100)
    wait(scenario, 1000)
    assert scenario.last(events.TurnLatency).first_audio_ms == pytest.approx(250)


def test_history_keeps_what_was_heard_when_the_user_breaks_in(scenario: Scenario) -> None:
    ask(scenario)
    wait(scenario, 600)
    scenario.hear(ONSET + "#" * 8)
    scenario.answer("wait a moment")
    assert_reply(scenario, 1, "One two three", ReplyReason.INTERRUPTED)
    scenario.hear(END)
    scenario.settle()
    assert history(scenario)[1] == Message("assistant", "One two three [cut off]")


def test_a_reply_continues_over_sound_without_words_which_may_still_interrupt_it() -> None:
    scenario = Scenario(replace(QUICK, endpoint=replace(QUICK.endpoint, max_utterance_ms=25_000)))
    scenario.configure_replies(ReplyMode.AUDIO)
    ask(scenario, seconds=10)
    scenario.hear("#" * 50)
    before = len(scenario.played)
    for _ in range(2):
        scenario.hear("#" * 50)
        wait(scenario, 50)
    assert len(scenario.played) > before
    scenario.answer("wait a moment")
    assert scenario.last(events.ReplyDone).reason is ReplyReason.INTERRUPTED


def test_nothing_of_a_stopped_reply_is_played(scenario: Scenario) -> None:
    ask(scenario)
    speak = scenario.speak
    assert speak is not None
    scenario.command(commands.Cancel())
    played = scenario.played
    scenario.session.speech.receive_audio(speak.turn, speak.number, bytes(32_000), scenario.now)
    scenario.session.replies.receive_audio_end(speak.turn, speak.number, None, scenario.now)
    wait(scenario, 1000)
    assert scenario.played == played
    assert scenario.last(events.ReplyDone).reason is ReplyReason.CANCELLED


def test_the_heard_text_follows_the_reports_of_the_client(scenario: Scenario) -> None:
    ask(scenario)
    wait(scenario, 600)
    scenario.command(commands.Played(250, turn=1))
    scenario.command(commands.Cancel())
    assert scenario.last(events.ReplyDone).text == "One"


def test_a_client_without_room_gets_no_audio_until_it_has_some(scenario: Scenario) -> None:
    ask(scenario, seconds=3)
    wait(scenario, 200)
    scenario.command(commands.HoldAudio(True))
    sent = len(scenario.played)
    wait(scenario, 300)
    assert len(scenario.played) == sent
    scenario.command(commands.HoldAudio(False))
    assert len(scenario.played) > sent
    wait(scenario, 3_000)
    assert len(scenario.played) == 3 * 2 * 16_000


def test_a_reply_that_is_stopped_while_the_client_has_no_room_is_over(scenario: Scenario) -> None:
    ask(scenario, seconds=3)
    scenario.command(commands.HoldAudio(True))
    scenario.command(commands.Cancel())
    sent = len(scenario.played)
    ask(scenario)
    assert len(scenario.played) == sent
    scenario.command(commands.HoldAudio(False))
    assert len(scenario.played) > sent


def test_a_backchannel_pauses_the_reply_and_it_goes_on(scenario: Scenario) -> None:
    ask(scenario, seconds=3)
    wait(scenario, 200)
    scenario.hear(ONSET + "#" * 8)
    sent = len(scenario.played)
    scenario.answer("mm-hm")
    wait(scenario, 300)
    assert len(scenario.played) == sent
    scenario.hear(END)
    if scenario.job is not None:
        scenario.answer("mm-hm")
    wait(scenario, 3000)
    scenario.utter(100)
    wait(scenario, 3000)
    assert_reply(scenario, 1, REPLY)


def test_a_voice_that_fails_ends_the_reply_with_what_was_heard(scenario: Scenario) -> None:
    ask(scenario)
    wait(scenario, 600)
    scenario.utter(0, error=VoiceFailed())
    assert scenario.last(events.Fault).code == "voice_failed"
    assert_reply(scenario, 1, "One two", ReplyReason.FAILED)
    assert scenario.session.idle


def test_a_voice_that_fails_stops_a_model_that_still_writes(scenario: Scenario) -> None:
    scenario.say("hello")
    scenario.reply(REPLY)
    scenario.utter(0, error=VoiceFailed())
    assert (scenario.stopped, scenario.request) == (1, None)


def test_the_text_of_a_failing_model_is_still_spoken(scenario: Scenario) -> None:
    scenario.say("hello")
    scenario.reply("One two.")
    scenario.finish_reply(LLMInterrupted())
    assert scenario.last(events.Fault).code == "llm_interrupted"
    scenario.utter(200)
    wait(scenario, 300)
    assert_reply(scenario, 1, "One two.", ReplyReason.FAILED)


def test_text_before_a_tool_call_is_spoken_at_once(scenario: Scenario) -> None:
    scenario.say("hello")
    scenario.reply("Let me see.", events.ToolCalled("1", "look", "{}"))
    assert scenario.speak is not None
    assert scenario.speak.text == "Let me see."
    scenario.command(commands.Cancel())


def test_an_ending_session_plays_the_reply_to_its_end(scenario: Scenario) -> None:
    ask(scenario)
    scenario.end()
    assert scenario.closed == 0
    scenario.utter(100)
    wait(scenario, 1200)
    assert scenario.closed == 1


def test_nothing_is_sent_to_a_disconnected_client(scenario: Scenario) -> None:
    ask(scenario, seconds=3)
    scenario.session.receive_disconnect()
    sent = len(scenario.played)
    wait(scenario, 1000)
    assert len(scenario.played) == sent
    scenario.session.receive_reconnect(scenario.now)
    wait(scenario, 100)
    assert len(scenario.played) > sent


def test_a_client_that_missed_audio_in_a_reconnect_gets_the_rest_without_a_pause(scenario: Scenario) -> None:
    ask(scenario, "One two three.", seconds=3)
    wait(scenario, 1500)
    scenario.session.receive_reconnect(scenario.now)
    for _ in range(15):
        scenario.command(commands.Played(500, received_only=True))
        wait(scenario, 100)
    assert_reply(scenario, 1, "One two three.")


def test_audio_can_be_turned_on_and_off(scenario: Scenario) -> None:
    scenario.command(commands.Configure(reply=ReplyMode.TEXT))
    assert not scenario.session.profile.speaks
    scenario.say("hello")
    scenario.reply(REPLY)
    scenario.finish_reply()
    assert_reply(scenario, 1, REPLY)
    scenario.command(commands.Configure(reply=ReplyMode.AUDIO))
    assert scenario.session.profile.speaks
    scenario.say("hello")
    scenario.reply(REPLY)
    assert scenario.speak == actions.Speak(2, 1, "One two three four. ", 16_000)
    scenario.finish_reply()


@settings(max_examples=200)
@given(
    st.lists(st.integers(50, 3000), min_size=1, max_size=6),
    st.integers(0, 8000),
    st.sampled_from(["speech", "cancel", "typed"]),
)
def test_after_any_interruption_nothing_follows_and_the_heard_text_is_a_prefix(
    sentences_ms: list[int], after_ms: int, how: str
) -> None:
    scenario = Scenario()
    scenario.configure_replies(ReplyMode.AUDIO)
    reply = " ".join(f"Sentence number {number} is this one." for number in range(len(sentences_ms)))
    scenario.say("hello")
    scenario.reply(reply)
    scenario.finish_reply()
    for elapsed in range(0, after_ms, 50):
        if scenario.speak is not None and elapsed % 100 == 0:
            scenario.utter(sentences_ms[scenario.speak.number - 1])
        scenario.wait(50)
    interrupt(scenario, how)
    done, *_ = scenario.all(events.ReplyDone)
    played = scenario.played
    wait(scenario, 1000)
    assert scenario.played == played
    assert reply.startswith(done.text)
    assert done.reason is not ReplyReason.COMPLETED or done.text == reply


def interrupt(scenario: Scenario, how: str) -> None:
    """The reply, if it is not over yet, ends now."""
    if how == "speech":
        scenario.hear(ONSET + "#" * 8)
        scenario.answer("wait a moment")
    elif how == "typed":
        scenario.say("wait")
    scenario.command(commands.Cancel())
