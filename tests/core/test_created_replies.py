"""Replies that the client requests, in sessions that answer nothing by themselves, and in others."""

from dataclasses import replace

import pytest

from tests.core.scenario import END, ONSET, PAUSE, QUICK, Scenario, assert_final, assert_reply
from voicegw.core import commands, events
from voicegw.core.chat_history import DialogueOptions
from voicegw.core.commands import Cancel, Commit, Configure, CreateReply, Discard, Relay, ReplyMode
from voicegw.core.events import EndReason, ReplyReason
from voicegw.core.jobs import DecodeKind
from voicegw.core.messages import ClientToolCalled, Message
from voicegw.core.reply_parameters import ClientTool, ReplyParameters
from voicegw.errors import InvalidValue, NoReply, ReplyInProgress, VoiceFailed

MANUAL = Configure(manual=True, automatic=False, interruptible=False)
ASKED = ReplyParameters((ClientTool("weather", "", "{}"),), max_tokens=5)


@pytest.fixture
def scenario() -> Scenario:
    return Scenario()


@pytest.fixture
def manual(scenario: Scenario) -> Scenario:
    """The client decides when a turn ends, and when it is answered."""
    scenario.command(MANUAL)
    return scenario


def said(scenario: Scenario) -> list[str]:
    """What the model reads after the system prompt."""
    assert scenario.request is not None
    return [message.content for message in scenario.request.messages[1:]]


def test_a_commit_in_a_pause_needs_no_further_decode(manual: Scenario) -> None:
    manual.hear(ONSET + PAUSE)
    manual.answer("hello")
    manual.command(Commit())
    assert_final(manual, 1, "hello")
    assert [job.kind for job in manual.jobs] == [DecodeKind.FINAL]


def test_a_commit_in_speech_is_decoded_urgently(manual: Scenario) -> None:
    manual.hear(ONSET)
    manual.command(Commit())
    job = manual.jobs[-1]
    assert (job.kind, job.urgent, job.retried) == (DecodeKind.FINAL, True, False)


def test_a_pause_of_a_manual_turn_is_decoded_without_retries(manual: Scenario) -> None:
    manual.hear(ONSET + PAUSE)
    assert (manual.jobs[-1].urgent, manual.jobs[-1].retried) == (False, False)
    manual.answer("hello")
    manual.hear(4 * ONSET)
    assert [(job.kind, job.retried) for job in manual.jobs[-1:]] == [(DecodeKind.PARTIAL, True)]


def test_words_of_a_manual_turn_that_look_wrong_are_decoded_again_in_the_pause(manual: Scenario) -> None:
    manual.hear(ONSET + PAUSE)
    manual.answer("five five", suspicious=True)
    assert [(job.kind, job.retried) for job in manual.jobs] == [
        (DecodeKind.FINAL, False),
        (DecodeKind.FINAL, True),
    ]
    manual.answer("five-five")
    manual.command(Commit())
    assert_final(manual, 1, "five-five")
    assert len(manual.jobs) == 2


def test_a_commit_does_not_wait_for_words_to_be_decoded_again(manual: Scenario) -> None:
    manual.hear(ONSET + PAUSE)
    manual.answer("five five", suspicious=True)
    manual.command(Commit())
    assert_final(manual, 1, "five five")
    manual.hear(4 * ONSET)
    assert manual.jobs[-1].kind is DecodeKind.PARTIAL  # it does not wait either


def test_words_that_cannot_be_decoded_again_stay(manual: Scenario) -> None:
    manual.hear(ONSET + PAUSE)
    manual.answer("five five", suspicious=True)
    manual.fail()
    manual.command(Commit())
    assert_final(manual, 1, "five five")
    assert len(manual.jobs) == 2


def test_a_pause_of_another_turn_is_decoded_with_retries(scenario: Scenario) -> None:
    scenario.hear(ONSET + PAUSE)
    assert scenario.jobs[-1].retried


def test_silence_ends_no_manual_turn(manual: Scenario) -> None:
    manual.hear(ONSET + 5 * END)
    manual.answer("hello")
    assert manual.all(events.SpeechStopped) == []
    manual.command(Commit())
    assert manual.last(events.SpeechStopped).reason is EndReason.COMMIT
    assert_final(manual, 1, "hello")
    assert manual.requests == []


def test_a_requested_reply_waits_for_the_words(manual: Scenario) -> None:
    manual.hear(ONSET)
    manual.command(Commit())
    manual.command(CreateReply())
    assert manual.request is None
    manual.answer("hello")
    assert said(manual) == ["hello"]
    manual.reply("Hi.")
    manual.finish_reply()
    assert_reply(manual, 2, "Hi.")


def test_a_reply_that_waits_can_be_cancelled(manual: Scenario) -> None:
    manual.hear(ONSET)
    manual.command(Commit())
    manual.command(CreateReply())
    with pytest.raises(ReplyInProgress):
        manual.command(CreateReply())
    manual.command(Cancel(expected=True))
    assert manual.last(events.ReplyDone) == events.ReplyDone(2, "", ReplyReason.CANCELLED)
    manual.answer("hello")
    assert (manual.requests, len(manual.all(events.ReplyDone))) == ([], 1)
    with pytest.raises(NoReply):
        manual.command(Cancel(expected=True))


def test_only_one_reply_is_in_progress(scenario: Scenario) -> None:
    scenario.command(CreateReply())
    with pytest.raises(ReplyInProgress):
        scenario.command(CreateReply())
    scenario.command(Cancel(expected=True))
    assert scenario.last(events.ReplyDone).reason is ReplyReason.CANCELLED


@pytest.fixture
def played(manual: Scenario) -> Scenario:
    """A reply that calls a function of the client is written; its speech, of a second, is being played."""
    manual.command(Configure(reply=ReplyMode.AUDIO))
    manual.command(CreateReply())
    manual.reply("One moment.", ClientToolCalled("call-1", "weather", "{}"))
    manual.finish_reply()
    manual.utter(1000)
    manual.command(commands.AddItem(Message("tool", "rain", tool_call_id="call-1", id="1")))
    manual.command(CreateReply())
    return manual


def play(scenario: Scenario) -> None:
    for _ in range(30):
        scenario.wait(50)


def test_a_reply_wanted_while_another_is_played_begins_at_its_end(played: Scenario) -> None:
    assert len(played.requests) == 1
    with pytest.raises(ReplyInProgress):
        played.command(CreateReply())
    play(played)
    assert_reply(played, 1, "One moment.")
    assert said(played) == ["One moment.", "rain"]


def test_what_stops_the_reply_that_is_played_stops_the_next_one(played: Scenario) -> None:
    played.command(Cancel(expected=True))
    assert [(done.turn, done.reason) for done in played.all(events.ReplyDone)] == [
        (1, ReplyReason.CANCELLED),
        (2, ReplyReason.CANCELLED),
    ]
    play(played)
    assert len(played.requests) == 1


def test_words_that_stop_the_reply_that_is_played_stop_the_next_one(played: Scenario) -> None:
    played.command(Configure(interruptible=True))
    played.hear("#####")
    played.answer("stop it")
    assert [done.reason for done in played.all(events.ReplyDone)] == [ReplyReason.INTERRUPTED] * 2


def test_a_reply_that_the_client_cuts_is_not_followed_by_the_next_one(played: Scenario) -> None:
    played.command(commands.TruncateReply(1, 100, 3))
    assert [done.reason for done in played.all(events.ReplyDone)] == [ReplyReason.INTERRUPTED] * 2


def test_a_reply_that_fails_is_followed_by_the_next_one(manual: Scenario) -> None:
    manual.command(Configure(reply=ReplyMode.AUDIO))
    manual.command(CreateReply())
    manual.reply("One moment.")
    manual.finish_reply()
    manual.command(CreateReply())
    manual.utter(0, VoiceFailed())
    assert manual.last(events.ReplyDone).reason is ReplyReason.FAILED
    assert len(manual.requests) == 2


def test_a_session_ends_after_the_reply_that_waits(played: Scenario) -> None:
    played.end()
    play(played)
    assert played.closed == 0
    played.finish_reply()
    assert played.closed == 1


def test_a_reply_wanted_after_another_waits_for_the_words_too(played: Scenario) -> None:
    played.command(Cancel())
    played.command(CreateReply())
    played.reply("Well.")
    played.finish_reply()
    played.utter(500)
    played.hear(ONSET)
    played.command(Commit())
    played.command(CreateReply())
    play(played)
    assert len(played.requests) == 2
    played.answer("thank you")
    assert said(played)[-1] == "thank you"


def test_speech_that_may_not_interrupt_does_not_hold_back_a_spoken_reply(manual: Scenario) -> None:
    manual.command(Configure(reply=ReplyMode.AUDIO))
    manual.hear(ONSET)
    manual.command(CreateReply())
    manual.reply("Hello.")
    manual.finish_reply()
    manual.utter(1000)
    play(manual)
    assert len(manual.played) == 2 * 16_000


def test_a_wanted_reply_does_not_wait_for_speech_after_the_commit(manual: Scenario) -> None:
    manual.hear(ONSET)
    manual.command(Commit())
    manual.command(CreateReply())
    manual.hear(ONSET)
    manual.answer("hello")
    assert said(manual) == ["hello"]


def test_a_wanted_reply_has_the_committed_words_although_speech_follows(manual: Scenario) -> None:
    manual.hear(ONSET)
    manual.command(Commit())
    manual.hear(ONSET)
    manual.command(CreateReply())
    assert manual.request is None
    manual.answer("hello")
    assert said(manual) == ["hello"]


def test_a_reply_for_which_words_were_awaited_gives_way_to_their_own(scenario: Scenario) -> None:
    scenario.hear(ONSET + END)
    scenario.command(CreateReply())
    scenario.answer("hello")
    assert [request.turn for request in scenario.requests] == [1]


def test_it_may_have_instructions_and_parameters_of_its_own(scenario: Scenario) -> None:
    scenario.command(Configure(parameters=ASKED))
    own = ReplyParameters(max_tokens=3)
    scenario.command(CreateReply(instructions="Be kind.", parameters=own))
    assert scenario.request is not None
    assert scenario.request.messages[0] == Message("system", "Be kind.")
    assert scenario.request.parameters == own
    scenario.finish_reply()
    scenario.say("hello")
    assert scenario.request.parameters == ASKED


def test_a_separate_reply_reads_its_own_messages_and_leaves_no_trace(scenario: Scenario) -> None:
    scenario.command(CreateReply(messages=(Message("user", "classify"),), separate=True))
    assert said(scenario) == ["classify"]
    scenario.reply("spam")
    scenario.finish_reply()
    scenario.say("hello")
    assert said(scenario) == ["hello"]


@pytest.mark.parametrize(
    ("system_prompt", "command", "own"),
    [
        ("Be brief.", CreateReply(), False),
        ("Be brief.", CreateReply(instructions="Be kind."), True),
        ("Be brief.", CreateReply(messages=(Message("system", "Be kind."),)), False),
        ("", CreateReply(messages=(Message("system", "Be kind."),)), True),
    ],
)
def test_what_the_client_writes_before_the_conversation_is_marked(
    system_prompt: str, command: CreateReply, own: bool
) -> None:
    scenario = Scenario(replace(QUICK, dialogue=DialogueOptions(system_prompt=system_prompt)))
    scenario.command(command)
    assert scenario.request is not None
    assert scenario.request.own_prompt is own


def test_one_reply_may_be_spoken_in_a_session_of_text(scenario: Scenario) -> None:
    scenario.command(CreateReply(ReplyMode.AUDIO))
    scenario.reply("Hello.")
    scenario.finish_reply()
    assert scenario.speak is not None


def test_a_call_of_the_clients_function_ends_the_reply(scenario: Scenario) -> None:
    scenario.say("what is the weather")
    call = ClientToolCalled("call-1", "weather", "{}")
    scenario.reply("One moment.", call)
    scenario.finish_reply()
    assert events.ReplyStep(1, call) in scenario.events
    scenario.command(commands.AddItem(Message("tool", "rain", tool_call_id="call-1", id="1")))
    scenario.command(CreateReply())
    assert said(scenario) == ["what is the weather", "One moment.", "rain"]


def test_speech_does_not_stop_a_reply_that_is_not_interruptible(scenario: Scenario) -> None:
    scenario.command(Configure(interruptible=False))
    scenario.say("tell me a story")
    scenario.reply("once upon")
    scenario.hear("#####" + END)
    scenario.answer("stop it")
    assert scenario.request is not None
    scenario.finish_reply()
    assert_reply(scenario, 1, "once upon")
    scenario.command(CreateReply())
    assert said(scenario) == ["tell me a story", "stop it", "once upon"]


def test_discarded_speech_has_no_words(manual: Scenario) -> None:
    manual.hear("#####")
    manual.answer("forget me")
    manual.hear("#####")
    manual.command(Discard())
    manual.command(Discard())
    manual.answer("forget me not")
    assert manual.last(events.SpeechStopped).reason is EndReason.DISCARDED
    assert_final(manual, 1, "")
    manual.command(CreateReply())
    assert said(manual) == []


def test_relayed_data_comes_back_between_the_events(scenario: Scenario) -> None:
    scenario.hear(ONSET)
    scenario.command(Relay(b"now"))
    scenario.hear(END)
    assert scenario.kinds() == ["SpeechStarted", "Relayed", "SpeechStopped"]
    assert events.Relayed(b"now") in scenario.events


def test_the_end_silence_can_be_the_same_for_all_words(scenario: Scenario) -> None:
    scenario.command(Configure(adaptive=False, end_silence_ms=200))
    scenario.hear(ONSET + PAUSE)
    scenario.answer("let me see, and")
    scenario.hear(".......")
    assert_final(scenario, 1, "let me see, and")


def test_a_threshold_is_checked(scenario: Scenario) -> None:
    with pytest.raises(InvalidValue):
        scenario.command(Configure(threshold=2.0))


def test_a_voice_may_speak_faster(scenario: Scenario) -> None:
    scenario.command(Configure(reply=ReplyMode.AUDIO, speed=1.5))
    scenario.say("hello")
    scenario.reply("Hello.")
    scenario.finish_reply()
    assert scenario.speak is not None
    assert scenario.speak.speed == 1.5
