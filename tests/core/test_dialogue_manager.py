import pytest

from tests.core.chat import NOW, Chat, assistant, opened, user
from voicegw.core.actions import (
    ConfirmReply,
    FollowBackgroundCall,
    Prewarm,
    Respond,
    StopResponding,
)
from voicegw.core.background_calls import CallProgress
from voicegw.core.commands import AddItem, ReplyMode
from voicegw.core.events import (
    BackgroundCallReport,
    Message,
    Moderated,
    ModerationTarget,
    ReplyDelta,
    ReplyDone,
    ReplyReason,
    ReplyStarted,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.moderation_queue import NO_TURN, Check
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.reply_parameters import ClientTool, ReplyParameters


@pytest.fixture
def chat() -> Chat:
    return Chat()


def test_an_utterance_is_answered(chat: Chat) -> None:
    chat.ask("hello")
    assert chat.done() == [Respond(1, 1, (user("hello"),))]
    chat.write(1, "good ", "", "day")
    assert chat.done() == [ReplyStarted(1), ReplyDelta(1, "good "), ReplyDelta(1, "day")]
    assert not chat.dialogue.idle
    chat.finish(1)
    assert chat.done() == [ReplyDone(1, "good day", ReplyReason.COMPLETED), 1]
    assert chat.dialogue.idle


def test_the_next_prompt_remembers_it(chat: Chat) -> None:
    chat.ask("hello")
    chat.write(1, "good day")
    chat.finish(1)
    chat.done()
    chat.ask("goodbye")
    assert chat.done() == [Respond(2, 2, (user("hello"), assistant("good day"), user("goodbye")))]


def test_an_utterance_without_words_is_not(chat: Chat) -> None:
    chat.ask("")
    assert chat.done() == [1]
    assert chat.dialogue.idle


def test_no_speech_is_answered_when_replies_are_off(chat: Chat) -> None:
    chat.dialogue.configure(SessionProfile(reply=ReplyMode.NONE))
    chat.ask("hello")
    assert chat.done() == [1]


def test_several_utterances_are_answered_together(chat: Chat) -> None:
    first, second = chat.speak(), chat.speak()
    chat.final(first, "one", more=True)
    assert chat.done() == []
    chat.final(second, "two")
    assert chat.done() == [1, Respond(2, 1, (user("one"), user("two")))]


def test_the_answer_waits_for_a_last_one_without_words(chat: Chat) -> None:
    first, second = chat.speak(), chat.speak()
    chat.final(first, "one", more=True)
    chat.final(second, "")
    assert chat.done() == [2, Respond(1, 1, (user("one"),))]


def test_words_over_a_reply_stop_it_and_history_keeps_what_was_delivered(chat: Chat) -> None:
    chat.ask("tell me a story")
    chat.write(1, "once upon")
    chat.done()
    turn = chat.speak()
    assert chat.done() == []
    chat.dialogue.receive_words("no", 500, NOW)
    assert chat.done() == [StopResponding(), ReplyDone(1, "once upon", ReplyReason.INTERRUPTED), 1]
    chat.final(turn, "a short one")
    history = (user("tell me a story"), assistant("once upon [cut off]"), user("a short one"))
    assert chat.done() == [Respond(2, 2, history)]


def test_a_reply_continues_after_a_cough_over_it(chat: Chat) -> None:
    chat.ask("hello")
    chat.done()
    chat.ask("")
    assert chat.done() == [2]
    chat.write(1, "good day")
    chat.finish(1)
    assert chat.done()[-2:] == [ReplyDone(1, "good day", ReplyReason.COMPLETED), 1]


def test_a_typed_message_takes_a_replys_place_and_comes_after_it_in_history(chat: Chat) -> None:
    chat.ask("hello")
    chat.write(1, "good")
    chat.done()
    chat.type("stop that")
    history = (user("hello"), assistant("good [cut off]"), user("stop that"))
    assert chat.done() == [
        *(StopResponding(), ReplyDone(1, "good", ReplyReason.INTERRUPTED), 1),
        Respond(2, 2, history),
    ]


def test_a_typed_message_is_answered_while_someone_speaks(chat: Chat) -> None:
    turn = chat.speak()
    chat.type("quick")
    assert chat.done() == [Respond(2, 1, (user("quick"),))]
    chat.final(turn, "slow")
    assert chat.done() == [
        *(StopResponding(), ReplyDone(2, "", ReplyReason.INTERRUPTED), 2),
        Respond(1, 2, (user("quick"), user("slow"))),
    ]


def test_a_typed_message_is_answered_with_waiting_turns(chat: Chat) -> None:
    first, second = chat.speak(), chat.speak()
    chat.final(first, "one", more=True)
    chat.type("typed")
    assert chat.done() == [1, Respond(3, 1, (user("one"), user("typed")))]
    chat.final(second, "")
    assert chat.done() == [2]


def test_cancel_stops_a_reply_and_is_harmless_without_one(chat: Chat) -> None:
    chat.dialogue.cancel(NOW)
    assert chat.done() == []
    chat.ask("hello")
    chat.write(1, "good")
    chat.done()
    chat.dialogue.cancel(NOW)
    assert chat.done() == [StopResponding(), ReplyDone(1, "good", ReplyReason.CANCELLED), 1]
    assert chat.dialogue.idle


CALL = ToolCalled("c1", "book", '{"table": 7}')
AGAIN = ToolCalled("c0", "book", '{"table": 7}')
BOOKED = [Message("assistant", "", (AGAIN,)), Message("tool", "booked", tool_call_id="c0")]
HIT = ("violence",)


def background_call(chat: Chat) -> int:
    """A turn whose reply has started a background call and continues."""
    turn = chat.type("book a table")
    chat.done()
    chat.write(1, CALL, ToolAnswered("c1", "book", "accepted", ok=True, background_call="e1"), "On it.")
    return turn


def test_a_background_call_is_followed() -> None:
    chat = Chat()
    turn = background_call(chat)
    assert FollowBackgroundCall(turn, CALL, "e1") in chat.done()


def test_updates_of_a_background_call_are_sent() -> None:
    chat = Chat()
    turn = background_call(chat)
    chat.done()
    chat.dialogue.receive_call_progress(turn, CALL, CallProgress("half"))
    chat.dialogue.receive_call_progress(turn, CALL, CallProgress("booked", done=True))
    assert chat.done() == [
        BackgroundCallReport(turn, "c1", "book", "half", done=False, ok=True),
        BackgroundCallReport(turn, "c1", "book", "booked", done=True, ok=True),
    ]


def test_the_model_learns_of_the_result_before_the_next_message() -> None:
    chat = Chat()
    turn = background_call(chat)
    chat.dialogue.receive_call_progress(turn, CALL, CallProgress("booked", done=True))
    chat.finish(1)
    chat.done()
    chat.type("thanks")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.messages[-4:] == (Message("assistant", "On it."), *BOOKED, Message("user", "thanks"))


def test_a_rejected_reply_stops_and_is_replaced_in_the_history() -> None:
    chat = Chat()
    turn = chat.type("tell me a story")
    chat.write(1, "Once upon. ")
    chat.done()
    chat.dialogue.receive_verdict(Check(turn, ModerationTarget.REPLY, "Once upon. "), HIT, NOW)
    assert chat.done() == [
        Moderated(turn, ModerationTarget.REPLY, HIT),
        StopResponding(),
        ReplyDone(turn, "Once upon. ", ReplyReason.MODERATED),
        turn,
    ]
    chat.type("go on")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.messages[1] == Message("assistant", "[stopped by moderation]")


def test_a_rejected_user_text_stops_its_reply() -> None:
    chat = Chat()
    turn = chat.type("something bad")
    chat.done()
    chat.dialogue.receive_verdict(Check(turn, ModerationTarget.INPUT, "something bad"), HIT, NOW)
    assert ReplyDone(turn, "", ReplyReason.MODERATED) in chat.done()
    chat.type("hello")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.messages[0] == Message("user", "[withheld by moderation]")


def test_a_speculative_reply_with_rejected_tools_is_not_used() -> None:
    chat = Chat()
    bad = ReplyParameters((ClientTool("act", "Harms.", "{}"),))
    chat.dialogue.configure(SessionProfile(parameters=bad))
    turn = chat.speak()
    chat.pause(turn, "hello")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.parameters == bad
    chat.dialogue.receive_verdict(Check(NO_TURN, ModerationTarget.INPUT, bad.declarations), HIT, NOW)
    chat.final(turn, "hello")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.parameters == ReplyParameters()


def test_a_rejected_item_stops_the_reply_in_progress() -> None:
    chat = Chat()
    item = Message("user", "something bad", id="client 1")
    chat.dialogue.items.receive(AddItem(item), NOW)
    turn = chat.speak()
    chat.pause(turn, "and now")
    chat.final(turn, "and now")
    assert any(isinstance(each, ConfirmReply) for each in chat.done())
    chat.dialogue.receive_verdict(Check(NO_TURN, ModerationTarget.INPUT, item.content), HIT, NOW)
    assert ReplyDone(turn, "", ReplyReason.MODERATED) in chat.done()


def test_a_late_verdict_does_not_stop_the_next_reply() -> None:
    chat = Chat()
    first = chat.type("something bad")
    chat.write(1, "Well. ")
    chat.finish(1)
    chat.type("hello")
    chat.done()
    chat.dialogue.receive_verdict(Check(first, ModerationTarget.REPLY, "Well. "), HIT, NOW)
    chat.dialogue.receive_verdict(Check(first, ModerationTarget.INPUT, "something bad"), HIT, NOW)
    assert chat.done() == [
        Moderated(first, ModerationTarget.REPLY, HIT),
        Moderated(first, ModerationTarget.INPUT, HIT),
    ]
    chat.type("and now")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert [message.content for message in request.messages[:3]] == [
        "[withheld by moderation]",
        "[stopped by moderation]",
        "hello",
    ]


def test_backchannels_over_a_reply_change_nothing_and_are_not_in_the_history(chat: Chat) -> None:
    chat.ask("tell me a story")
    chat.write(1, "once upon")
    chat.done()
    turn = chat.speak()
    chat.dialogue.receive_words("mm-hm", 500, NOW)
    chat.final(turn, "mm-hm, yeah")
    assert chat.done() == []
    chat.write(1, " a time")
    chat.finish(1)
    assert chat.done()[-1] == 2
    chat.ask("go on then")
    *_, request = chat.done()
    assert request == Respond(
        3, 2, (user("tell me a story"), assistant("once upon a time"), user("go on then"))
    )


def test_a_backchannel_after_a_reply_is_an_answer(chat: Chat) -> None:
    chat.ask("shall I?")
    chat.write(1, "sure?")
    turn = chat.speak()
    chat.finish(1)
    chat.done()
    chat.final(turn, "yeah")
    assert isinstance(chat.done()[-1], Respond)


def test_opening_lets_the_model_read_the_system_prompt() -> None:
    conversation, actions = opened(ReplyOptions(), "Be brief.")
    conversation.open()
    assert actions == [Prewarm((Message("system", "Be brief."),))]


@pytest.mark.parametrize(
    ("prompt", "options"), [("", ReplyOptions()), ("Be brief.", ReplyOptions(prewarm=False))]
)
def test_nothing_is_read_without_a_prompt_or_when_it_is_off(prompt: str, options: ReplyOptions) -> None:
    conversation, actions = opened(options, prompt)
    conversation.open()
    assert actions == []
