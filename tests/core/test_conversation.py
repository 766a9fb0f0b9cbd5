import pytest

from voicegw.core import events
from voicegw.core.actions import (
    Action,
    ConfirmReply,
    Emit,
    FollowBackgroundCall,
    Prewarm,
    Respond,
    StopResponding,
)
from voicegw.core.audio import AudioFormat
from voicegw.core.background_calls import CallProgress
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.conversation import Conversation, ReplyOptions
from voicegw.core.dialogue import DialogueOptions
from voicegw.core.events import (
    BackgroundCallReport,
    Judged,
    Message,
    Moderated,
    ReplyDelta,
    ReplyDone,
    ReplyNotice,
    ReplyPiece,
    ReplyReason,
    ReplyStarted,
    ReplyStep,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.latency import Stopwatch
from voicegw.core.moderation import Check
from voicegw.core.speech import Speech, SpeechOptions
from voicegw.errors import LLMTimeout

NOW = 11.0


def opened(options: ReplyOptions, system_prompt: str = "") -> tuple[Conversation, list[Action]]:
    """A conversation, and the list that what it wants done goes into."""
    actions: list[Action] = []
    speech = Speech(SpeechOptions(), AudioFormat.PCM, 16_000, actions.append)
    return Conversation(
        DialogueOptions(system_prompt=system_prompt), options, speech, actions.append
    ), actions


class Chat:
    """A conversation, and what it wants done."""

    def __init__(self, options: ReplyOptions | None = None) -> None:
        self.conversation, self._actions = opened(options or ReplyOptions())

    def pause(self, turn: int, text: str) -> None:
        """The speaker of this turn pauses, having said this."""
        self.conversation.receive_pause(turn, text, NOW)

    def done(self) -> list[object]:
        """What was wanted since the last call: events bare, latency reports as the number of their turn."""
        wanted = [action.event if isinstance(action, Emit) else action for action in self._actions]
        self._actions.clear()
        return [action.turn if isinstance(action, events.TurnLatency) else action for action in wanted]

    def speak(self) -> int:
        """Someone begins to speak; the number of the turn."""
        self.conversation.receive_speech(NOW)
        return self.conversation.next_turn()

    def final(self, turn: int, text: str, *, more: bool = False) -> None:
        self.conversation.receive_final(text, 500, Stopwatch(turn, zero=10.0), NOW, more=more)

    def ask(self, text: str) -> int:
        """An utterance from start to final; the number of the turn."""
        turn = self.speak()
        self.final(turn, text)
        return turn

    def type(self, text: str) -> int:
        turn = self.conversation.next_turn()
        self.conversation.receive_typed(text, Stopwatch(turn, zero=10.0), NOW)
        return turn

    def write(self, attempt: int, *pieces: ReplyPiece) -> None:
        for piece in pieces:
            self.conversation.replies.receive_piece(attempt, piece, NOW)

    def finish(self, attempt: int, error: LLMTimeout | None = None) -> None:
        self.conversation.replies.receive_end(attempt, error, NOW)


@pytest.fixture
def chat() -> Chat:
    return Chat()


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def test_an_utterance_is_answered(chat: Chat) -> None:
    chat.ask("hello")
    assert chat.done() == [Respond(1, 1, (user("hello"),))]
    chat.write(1, "good ", "", "day")
    assert chat.done() == [ReplyStarted(1), ReplyDelta(1, "good "), ReplyDelta(1, "day")]
    assert not chat.conversation.idle
    chat.finish(1)
    assert chat.done() == [ReplyDone(1, "good day", ReplyReason.COMPLETED), 1]
    assert chat.conversation.idle


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
    assert chat.conversation.idle


def test_nothing_said_is_answered_when_replies_are_off(chat: Chat) -> None:
    chat.conversation.replies_wanted = False
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
    chat.conversation.receive_words("no", 500, NOW)
    assert chat.done() == [StopResponding(), ReplyDone(1, "once upon", ReplyReason.INTERRUPTED), 1]
    chat.final(turn, "a short one")
    history = (user("tell me a story"), assistant("once upon [cut off]"), user("a short one"))
    assert chat.done() == [Respond(2, 2, history)]


def test_a_cough_over_a_reply_lets_it_go_on(chat: Chat) -> None:
    chat.ask("hello")
    chat.done()
    chat.ask("")
    assert chat.done() == [2]
    chat.write(1, "good day")
    chat.finish(1)
    assert chat.done()[-2:] == [ReplyDone(1, "good day", ReplyReason.COMPLETED), 1]


def test_pieces_of_a_stopped_reply_are_ignored(chat: Chat) -> None:
    chat.ask("hello")
    chat.conversation.cancel(NOW)
    chat.done()
    chat.write(1, "too late")
    chat.finish(1)
    assert chat.done() == []


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


def test_a_typed_message_is_answered_with_what_still_waits(chat: Chat) -> None:
    first, second = chat.speak(), chat.speak()
    chat.final(first, "one", more=True)
    chat.type("typed")
    assert chat.done() == [1, Respond(3, 1, (user("one"), user("typed")))]
    chat.final(second, "")
    assert chat.done() == [2]


def test_cancel_stops_a_reply_and_is_harmless_without_one(chat: Chat) -> None:
    chat.conversation.cancel(NOW)
    assert chat.done() == []
    chat.ask("hello")
    chat.write(1, "good")
    chat.done()
    chat.conversation.cancel(NOW)
    assert chat.done() == [StopResponding(), ReplyDone(1, "good", ReplyReason.CANCELLED), 1]
    assert chat.conversation.idle


def test_a_failed_reply_is_told_and_the_conversation_goes_on(chat: Chat) -> None:
    chat.ask("hello")
    chat.write(1, "good")
    chat.done()
    chat.finish(1, LLMTimeout("slow"))
    fault = events.Fault("llm_timeout", "slow", retryable=True)
    assert chat.done() == [fault, ReplyDone(1, "good", ReplyReason.FAILED), 1]
    chat.ask("again")
    assert chat.done() == [Respond(2, 2, (user("hello"), assistant("good [cut off]"), user("again")))]


def test_what_a_reply_does_beside_text_is_told_and_remembered(chat: Chat) -> None:
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


CALL = ToolCalled("c1", "book", '{"table": 7}')
AGAIN = ToolCalled("c0", "book", '{"table": 7}')
BOOKED = [Message("assistant", "", (AGAIN,)), Message("tool", "booked", tool_call_id="c0")]
HIT = ("violence",)


def background_call(chat: Chat) -> int:
    """A turn whose reply has handed a call to the background, and goes on."""
    turn = chat.type("book a table")
    chat.done()
    chat.write(1, CALL, ToolAnswered("c1", "book", "accepted", ok=True, background_call="e1"), "On it.")
    return turn


def test_an_background_call_is_followed() -> None:
    chat = Chat()
    turn = background_call(chat)
    assert FollowBackgroundCall(turn, CALL, "e1") in chat.done()


def test_news_of_an_background_call_are_told() -> None:
    chat = Chat()
    turn = background_call(chat)
    chat.done()
    chat.conversation.receive_call_progress(turn, CALL, CallProgress("half"))
    chat.conversation.receive_call_progress(turn, CALL, CallProgress("booked", done=True))
    assert chat.done() == [
        BackgroundCallReport(turn, "c1", "book", "half", done=False, ok=True),
        BackgroundCallReport(turn, "c1", "book", "booked", done=True, ok=True),
    ]


def test_the_model_learns_of_the_result_before_the_next_message() -> None:
    chat = Chat()
    turn = background_call(chat)
    chat.conversation.receive_call_progress(turn, CALL, CallProgress("booked", done=True))
    chat.finish(1)
    chat.done()
    chat.type("thanks")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.messages[-4:] == (Message("assistant", "On it."), *BOOKED, Message("user", "thanks"))


def test_a_hit_stops_the_reply_and_history_says_so() -> None:
    chat = Chat()
    turn = chat.type("tell me a story")
    chat.write(1, "Once upon. ")
    chat.done()
    chat.conversation.receive_verdict(Check(turn, Judged.REPLY, "Once upon. "), HIT, NOW)
    assert chat.done() == [
        Moderated(turn, Judged.REPLY, HIT),
        StopResponding(),
        ReplyDone(turn, "Once upon. ", ReplyReason.MODERATED),
        turn,
    ]
    chat.type("go on")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.messages[1] == Message("assistant", "[stopped by moderation]")


def test_a_hit_on_what_was_said_stops_its_reply() -> None:
    chat = Chat()
    turn = chat.type("something bad")
    chat.done()
    chat.conversation.receive_verdict(Check(turn, Judged.INPUT, "something bad"), HIT, NOW)
    assert ReplyDone(turn, "", ReplyReason.MODERATED) in chat.done()
    chat.type("hello")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert request.messages[0] == Message("user", "[withheld by moderation]")


def test_a_late_hit_leaves_the_next_reply_alone() -> None:
    chat = Chat()
    first = chat.type("something bad")
    chat.write(1, "Well. ")
    chat.finish(1)
    chat.type("hello")
    chat.done()
    chat.conversation.receive_verdict(Check(first, Judged.REPLY, "Well. "), HIT, NOW)
    chat.conversation.receive_verdict(Check(first, Judged.INPUT, "something bad"), HIT, NOW)
    assert chat.done() == [Moderated(first, Judged.REPLY, HIT), Moderated(first, Judged.INPUT, HIT)]
    chat.type("and now")
    (request,) = (each for each in chat.done() if isinstance(each, Respond))
    assert [message.content for message in request.messages[:3]] == [
        "[withheld by moderation]",
        "[stopped by moderation]",
        "hello",
    ]


class TestAheadOfATurn:
    """What is asked in a pause is unseen until the turn is certain."""

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
        assert not chat.conversation.idle
        chat.done()
        chat.final(turn, "hello")
        assert chat.done()[-2:] == [ReplyDone(1, "Good day", ReplyReason.COMPLETED), 1]
        assert chat.conversation.idle

    def test_one_is_dropped_without_a_word_when_speech_goes_on(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "set a timer")
        chat.write(1, "For how")
        chat.done()
        chat.conversation.receive_speech(NOW)
        assert chat.done() == [StopResponding()]
        chat.final(turn, "set a timer for ten minutes")
        assert chat.done() == [Respond(1, 2, (user("set a timer for ten minutes"),))]

    def test_one_is_replaced_when_the_final_says_something_else(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "set a time")
        chat.done()
        chat.final(turn, "set a timer")
        assert chat.done() == [StopResponding(), Respond(1, 2, (user("set a timer"),))]

    def test_one_is_dropped_when_nothing_was_said_after_all(self, chat: Chat) -> None:
        turn = chat.speak()
        chat.pause(turn, "you")
        chat.done()
        chat.final(turn, "")
        assert chat.done() == [1, StopResponding()]
        assert chat.conversation.idle

    def test_one_that_fails_unseen_is_asked_again_in_its_turn(self, chat: Chat) -> None:
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
        chat.conversation.cancel(NOW)
        chat.final(turn, "hello")
        assert chat.done() == [ConfirmReply(1)]

    def test_so_many_pauses_of_a_turn_are_used(self, chat: Chat) -> None:
        turn = chat.speak()
        for text in ("a", "a b", "a b c"):
            chat.pause(turn, text)
            chat.conversation.receive_speech(NOW)
        assert [action for action in chat.done() if isinstance(action, Respond)] == [
            Respond(1, 1, (user("a"),), speculative=True),
            Respond(1, 2, (user("a b"),), speculative=True),
        ]

    @pytest.mark.parametrize("off", ["speculate", "replies_wanted"])
    def test_it_can_be_turned_off(self, chat: Chat, off: str) -> None:
        setattr(chat.conversation, off, False)
        chat.pause(chat.speak(), "hello")
        assert chat.done() == []

    def test_nothing_is_asked_over_a_reply(self, chat: Chat) -> None:
        chat.ask("hello")
        turn = chat.speak()
        chat.done()
        chat.pause(turn, "mm-hm")
        assert chat.done() == []

    def test_the_latency_says_so(self, chat: Chat) -> None:
        watch = Stopwatch(1, zero=10.0)
        chat.pause(chat.speak(), "hello")
        chat.conversation.replies.receive_piece(1, "Hi", 11.5)
        chat.conversation.receive_final("hello", 500, watch, 12.0, more=False)
        report = watch.report(done=None)
        assert (report.speculative, report.attempts) == (True, 1)
        assert (report.asked_ms, report.model_ms, report.first_token_ms) == (None, None, 2000.0)
        chat.finish(1)
        report = watch.report(done=None)
        assert (report.asked_ms, report.model_ms) == (1000.0, 500.0)


def test_backchannels_over_a_reply_let_it_go_on_and_are_no_history(chat: Chat) -> None:
    chat.ask("tell me a story")
    chat.write(1, "once upon")
    chat.done()
    turn = chat.speak()
    chat.conversation.receive_words("mm-hm", 500, NOW)
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
        chat.conversation.cancel(NOW)
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
        chat.conversation.receive_final("yes", 100, Stopwatch(chat.speak(), zero=10.0), NOW, more=False)
        chat.finish(1)
        assert chat.done()[-1] == 1

    def test_is_none_if_moderation_finds_something(self, chat: Chat) -> None:
        chat.final(chat.speak(), "yes")
        chat.conversation.receive_verdict(Check(2, Judged.INPUT, "yes"), ("rude",), NOW)
        chat.finish(1)
        assert not [done for done in chat.done() if isinstance(done, Respond)]


class TestWithAnEcho:
    """Of a reply that is spoken, and here is over as soon as it is written: what is seen comes late."""

    @pytest.fixture
    def chat(self) -> Chat:
        chat = Chat(ReplyOptions(barge_in=BargeInOptions(echo=True)))
        chat.ask("a drink")
        return chat

    def say(self, chat: Chat, reply: str) -> None:
        chat.write(1, reply)
        chat.conversation.replies.aloud = True
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

    def test_an_echo_behind_a_reply_that_is_not_certain_is_told_at_once(self, chat: Chat) -> None:
        self.say(chat, "Here is tea or coffee.")
        turn = chat.speak()
        chat.pause(turn, "what")
        chat.done()
        chat.final(turn, "coffee")
        assert chat.done() == [2, StopResponding()]


def test_opening_has_the_model_read_the_system_prompt() -> None:
    conversation, actions = opened(ReplyOptions(), "Be brief.")
    conversation.open()
    assert actions == [Prewarm((Message("system", "Be brief."),))]


@pytest.mark.parametrize(
    ("prompt", "options"), [("", ReplyOptions()), ("Be brief.", ReplyOptions(prewarm=False))]
)
def test_there_may_be_nothing_to_read(prompt: str, options: ReplyOptions) -> None:
    conversation, actions = opened(options, prompt)
    conversation.open()
    assert actions == []
