import pytest

from tests.core.chat import NOW, Chat, assistant, user
from voicegw.core import events
from voicegw.core.actions import (
    ConfirmReply,
    Respond,
    StopResponding,
)
from voicegw.core.commands import ReplyMode
from voicegw.core.events import (
    ReplyDelta,
    ReplyDone,
    ReplyNotice,
    ReplyReason,
    ReplyStarted,
    ReplyStep,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.latency import TurnTiming
from voicegw.core.profile import SessionProfile
from voicegw.errors import LLMTimeout


@pytest.fixture
def chat() -> Chat:
    return Chat()


def test_pieces_of_a_stopped_reply_are_ignored(chat: Chat) -> None:
    chat.ask("hello")
    chat.dialogue.cancel(NOW)
    chat.done()
    chat.write(1, "too late")
    chat.finish(1)
    assert chat.done() == []


def test_a_failed_reply_is_reported_and_the_dialogue_continues(chat: Chat) -> None:
    chat.ask("hello")
    chat.write(1, "good")
    chat.done()
    chat.finish(1, LLMTimeout("slow"))
    fault = events.Fault("llm_timeout", "slow", retryable=True)
    assert chat.done() == [fault, ReplyDone(1, "good", ReplyReason.FAILED), 1]
    chat.ask("again")
    assert chat.done() == [Respond(2, 2, (user("hello"), assistant("good [cut off]"), user("again")))]


def test_tool_calls_and_notices_are_sent_and_calls_are_remembered(chat: Chat) -> None:
    notice, call = ReplyNotice("llm_timeout", "asked again"), ToolCalled("c1", "clock", "{}")
    answer = ToolAnswered("c1", "clock", "noon", ok=True)
    chat.ask("what time is it")
    chat.done()
    chat.write(1, notice, call, answer, "noon")
    steps = [ReplyStep(1, notice), ReplyStep(1, call), ReplyStep(1, answer)]
    assert chat.done() == [*steps, ReplyStarted(1), ReplyDelta(1, "noon")]
    chat.finish(1)
    chat.ask("thanks")
    *_, request = chat.done()
    assert isinstance(request, Respond)
    assert [message.role for message in request.messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]


class TestSpeculativeReply:
    """A speculative reply is hidden until its turn is confirmed."""

    def test_a_reply_is_shown_when_the_final_is_as_expected(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "what time is it")
        prompt = (user("what time is it"),)
        assert chat.done() == [Respond(1, 1, prompt, speculative=True)]
        chat.write(1, "It is ", "noon")
        assert chat.done() == []
        chat.final(turn, "what time is it")
        deltas = [ReplyDelta(1, "It is "), ReplyDelta(1, "noon")]
        assert chat.done() == [ConfirmReply(1), ReplyStarted(1), *deltas]
        chat.write(1, ".")
        chat.finish(1)
        assert chat.done() == [ReplyDelta(1, "."), ReplyDone(1, "It is noon.", ReplyReason.COMPLETED), 1]

    def test_one_that_is_complete_before_its_turn_is_shown_at_once(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "hello")
        chat.write(1, "Good day")
        chat.finish(1)
        assert not chat.dialogue.idle
        chat.done()
        chat.final(turn, "hello")
        assert chat.done()[-2:] == [ReplyDone(1, "Good day", ReplyReason.COMPLETED), 1]
        assert chat.dialogue.idle

    def test_one_is_dropped_silently_when_speech_continues(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "set a timer")
        chat.write(1, "For how")
        chat.done()
        chat.dialogue.receive_speech(NOW)
        assert chat.done() == [StopResponding()]
        chat.final(turn, "set a timer for ten minutes")
        assert chat.done() == [Respond(1, 2, (user("set a timer for ten minutes"),))]

    def test_one_is_replaced_when_the_final_says_something_else(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "set a time")
        chat.done()
        chat.final(turn, "set a timer")
        assert chat.done() == [StopResponding(), Respond(1, 2, (user("set a timer"),))]

    def test_one_is_dropped_when_the_final_is_empty(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "you")
        chat.done()
        chat.final(turn, "")
        assert chat.done() == [1, StopResponding()]
        assert chat.dialogue.idle

    def test_one_that_fails_is_requested_again_in_its_turn(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "hello")
        chat.finish(1, LLMTimeout("slow"))
        chat.final(turn, "hello")
        first, again = (Respond(1, 1, (user("hello"),), speculative=True), Respond(1, 2, (user("hello"),)))
        assert chat.done() == [first, again]

    def test_a_typed_message_takes_its_place(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "hello")
        chat.done()
        chat.type("quick")
        assert chat.done() == [StopResponding(), Respond(2, 2, (user("quick"),))]

    def test_cancelling_has_nothing_to_cancel(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "hello")
        chat.done()
        chat.dialogue.cancel(NOW)
        chat.final(turn, "hello")
        assert chat.done() == [ConfirmReply(1)]

    def test_speculations_of_a_turn_are_limited(self, chat: Chat) -> None:
        turn = chat.speak()
        for text in ("a", "a b", "a b c"):
            chat.pause(turn, text)
            chat.dialogue.receive_speech(NOW)
        assert [action for action in chat.done() if isinstance(action, Respond)] == [
            Respond(1, 1, (user("a"),), speculative=True),
            Respond(1, 2, (user("a b"),), speculative=True),
        ]

    @pytest.mark.parametrize(
        "profile",
        [
            SessionProfile(speculate=False),
            SessionProfile(reply=ReplyMode.NONE),
            SessionProfile(automatic=False),
        ],
    )
    def test_it_can_be_turned_off(self, chat: Chat, profile: SessionProfile) -> None:
        chat.dialogue.configure(profile)
        chat.pause(chat.speak(), "hello")
        assert chat.done() == []

    def test_nothing_is_speculative_over_a_reply(self, chat: Chat) -> None:
        chat.ask("hello")
        turn = chat.speak()
        chat.done()
        chat.pause(turn, "mm-hm")
        assert chat.done() == []

    def test_the_latency_says_so(self, chat: Chat) -> None:
        timing = TurnTiming(1, zero=10.0)
        chat.pause(chat.speak(), "hello")
        chat.dialogue.replies.receive_piece(1, "Hi", 11.5)
        chat.dialogue.receive_final("hello", 500, timing, 12.0, more=False)
        report = timing.report(done=None)
        assert (report.speculative, report.attempts) == (True, 1)
        assert (report.asked_ms, report.model_ms, report.first_token_ms) == (None, None, 2000.0)
        chat.finish(1)
        report = timing.report(done=None)
        assert (report.asked_ms, report.model_ms) == (1000.0, 500.0)
