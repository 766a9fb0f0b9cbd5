import pytest

from tests.core.chat import NOW, Chat, assistant, user
from voicegw.core.actions import (
    ConfirmReply,
    Respond,
    StopResponding,
)
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.commands import ReplyMode
from voicegw.core.events import (
    ModerationTarget,
    ReplyDone,
    ReplyReason,
)
from voicegw.core.latency import TurnTiming
from voicegw.core.moderation_queue import Check
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_options import ReplyOptions


@pytest.fixture
def chat() -> Chat:
    return Chat()


class TestAnAnswerOverAQuestion:
    QUESTION = "It is free. Shall I book it?"

    @pytest.fixture
    def chat(self) -> Chat:
        chat = Chat()
        chat.ask("a table for two")
        chat.write(1, self.QUESTION)
        chat.done()
        return chat

    def test_is_a_turn_once_the_reply_is_over(self, chat: Chat) -> None:
        chat.final(chat.speak(), "yes")
        assert chat.done() == []
        chat.finish(1)
        said = (user("a table for two"), assistant(self.QUESTION), user("yes"))
        assert chat.done() == [ReplyDone(1, self.QUESTION, ReplyReason.COMPLETED), 1, Respond(2, 2, said)]

    def test_is_answered_with_what_is_said_next(self, chat: Chat) -> None:
        chat.final(chat.speak(), "yes")
        turn = chat.speak()
        chat.finish(1)
        chat.final(turn, "for seven")
        *_, request = chat.done()
        assert isinstance(request, Respond)
        assert request.messages[2:] == (user("yes"), user("for seven"))

    def test_is_the_last_thing_said(self, chat: Chat) -> None:
        chat.final(chat.speak(), "mm-hm")
        chat.final(chat.speak(), "yeah")
        assert chat.done() == [2]
        chat.finish(1)
        *_, request = chat.done()
        assert isinstance(request, Respond)
        assert request.messages[2:] == (user("yeah"),)

    def test_is_none_if_the_reply_is_cancelled(self, chat: Chat) -> None:
        chat.final(chat.speak(), "yes")
        chat.dialogue.cancel(NOW)
        assert chat.done()[-1] == 2

    def test_is_none_to_a_reply_that_was_begun_behind_it(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.finish(1)
        chat.type("two tables")
        chat.write(2, "There is one. ")
        chat.final(turn, "yes")
        chat.write(2, "Is that enough?")
        chat.done()
        chat.finish(2)
        assert [done for done in chat.done() if isinstance(done, Respond)] == []

    def test_is_none_if_it_is_a_cough(self, chat: Chat) -> None:
        chat.dialogue.receive_final("yes", 100, TurnTiming(chat.speak(), zero=10.0), NOW, more=False)
        chat.finish(1)
        assert chat.done()[-1] == 1

    def test_is_none_if_moderation_finds_something(self, chat: Chat) -> None:
        chat.final(chat.speak(), "yes")
        chat.dialogue.receive_verdict(Check(2, ModerationTarget.INPUT, "yes"), ("rude",), NOW)
        chat.finish(1)
        assert not [done for done in chat.done() if isinstance(done, Respond)]


class TestWithAnEcho:
    """Echoes of a spoken reply, which in these tests is over as soon as it is written."""

    @pytest.fixture
    def chat(self) -> Chat:
        chat = Chat(ReplyOptions(barge_in=BargeInOptions(echo=True)))
        chat.ask("a drink")
        return chat

    def say(self, chat: Chat, reply: str) -> None:
        chat.write(1, reply)
        chat.dialogue.configure(SessionProfile(reply=ReplyMode.AUDIO))
        chat.finish(1)
        chat.done()

    @pytest.mark.parametrize(
        ("reply", "heard", "answered"),
        [
            ("Tea or coffee?", "coffee", True),
            ("We are open. Tea or coffee?", "tea", True),
            ("Tea or coffee?", "tea or coffee", False),
            ("It is here. Anything else?", "anything else", False),
            ("Here is tea or coffee.", "coffee", False),
            ("Tea or coffee? We have both of them. They are fresh.", "coffee", False),
        ],
    )
    def test_a_short_answer_may_be_in_the_words_of_a_question(
        self, chat: Chat, reply: str, heard: str, answered: bool
    ) -> None:
        self.say(chat, reply)
        turn = chat.speak()
        chat.pause(turn, heard)
        chat.final(turn, heard)
        assert [done for done in chat.done() if isinstance(done, ConfirmReply)] == [
            ConfirmReply(2)
        ] * answered

    def test_an_echo_after_a_reply_is_reported_at_once(self, chat: Chat) -> None:
        self.say(chat, "Here is tea or coffee.")
        turn = chat.speak()
        chat.pause(turn, "what")
        chat.done()
        chat.final(turn, "coffee")
        assert chat.done() == [2, StopResponding()]
