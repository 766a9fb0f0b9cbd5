import pytest

from tests.core.chat import NOW
from voicegw.core import turn
from voicegw.core.actions import Action, SendEvent
from voicegw.core.audio import AudioFormat
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.chat_history import ChatHistory, DialogueOptions
from voicegw.core.commands import ReplyMode
from voicegw.core.events import TurnLatency
from voicegw.core.languages import ENGLISH
from voicegw.core.latency import TurnTiming
from voicegw.core.overlap import Overlap, PossibleAnswer
from voicegw.core.profile import SessionProfile
from voicegw.core.replies import Replies
from voicegw.core.speech_output import SpeechOptions, SpeechOutput
from voicegw.core.speech_over_reply import SpeechOverReply

QUESTION = "It is free. Shall I book it?"
FIRST, SECOND = TurnTiming(2, zero=10.0), TurnTiming(3, zero=10.0)


class Replying:
    """A text reply to turn 1 that is in progress, the user's speech over it, and the turns that were reported
    as over."""

    def __init__(self, options: BargeInOptions | None = None, profile: SessionProfile | None = None) -> None:
        self._actions: list[Action] = []
        emit = self._actions.append
        state = turn.new_machine()
        for signal in (turn.Signal.TYPED, turn.Signal.FIRST_TOKEN):
            state.signal(signal)
        speech = SpeechOutput(SpeechOptions(), AudioFormat.PCM, 16_000, emit)
        replies = Replies(state, ChatHistory(DialogueOptions()), speech, emit, lambda *_: None)
        replies.profile = profile or SessionProfile()
        replies.ask(1, (), NOW, TurnTiming(1, zero=10.0))
        replies.receive_piece(1, QUESTION, NOW)
        self.speech = SpeechOverReply(options or BargeInOptions(), state, replies, emit)
        assert self.speech.is_addressed("mm-hm", 500, ENGLISH)  # as long as nobody speaks over the reply
        state.signal(turn.Signal.SPEECH)
        self.speech.receive_speech(NOW)

    def reported(self) -> list[int]:
        events = [action.event for action in self._actions if isinstance(action, SendEvent)]
        return [event.turn for event in events if isinstance(event, TurnLatency)]


@pytest.mark.parametrize(("text", "voiced_ms", "addressed"), [("stop", 500, True), ("mm-hm", 500, False)])
def test_over_a_reply_only_some_words_are_addressed(text: str, voiced_ms: int, addressed: bool) -> None:
    assert Replying().speech.is_addressed(text, voiced_ms, ENGLISH) is addressed


def test_a_profile_may_forbid_to_interrupt() -> None:
    assert not Replying(profile=SessionProfile(interruptible=False)).speech.is_addressed("stop", 500, ENGLISH)


@pytest.mark.parametrize(
    ("text", "voiced_ms", "echo", "may"),
    [
        ("yes", 200, False, True),
        ("", 200, False, False),
        ("yes", 199, False, False),
        ("book it", 200, True, True),
        ("it is free shall I book it", 200, True, False),
    ],
)
def test_what_may_answer(text: str, voiced_ms: int, echo: bool, may: bool) -> None:
    assert Replying().speech.may_answer(text, voiced_ms, echo=echo) is may


def test_nothing_answers_where_no_replies_are_wanted() -> None:
    quiet = Replying(profile=SessionProfile(reply=ReplyMode.NONE)).speech
    assert not quiet.may_answer("yes", 500, echo=False)


def test_the_last_possible_answer_is_kept() -> None:
    chat = Replying()
    chat.speech.keep_possible_answer("yes", FIRST)
    chat.speech.keep_possible_answer("no", SECOND)
    assert chat.reported() == [2]
    assert chat.speech.receive_reply_end(QUESTION, True, NOW) == PossibleAnswer("no", SECOND, len(QUESTION))
    assert chat.speech.possible_answer is None
    assert chat.reported() == [2]


@pytest.mark.parametrize(("reply", "completed"), [(QUESTION, False), ("It is booked.", True)])
def test_a_reply_that_was_stopped_or_asks_nothing_has_no_answer(reply: str, completed: bool) -> None:
    chat = Replying()
    chat.speech.keep_possible_answer("yes", FIRST)
    assert chat.speech.receive_reply_end(reply, completed, NOW) is None
    assert chat.reported() == [2]


def test_only_the_named_turn_is_dropped() -> None:
    chat = Replying()
    chat.speech.keep_possible_answer("yes", FIRST)
    chat.speech.drop_possible_answer(turn_number=1)
    assert chat.speech.possible_answer is not None
    chat.speech.drop_possible_answer(turn_number=2)
    assert chat.speech.possible_answer is None
    assert chat.reported() == [2]


def test_an_answered_turn_ends_the_wait() -> None:
    chat = Replying()
    chat.speech.keep_possible_answer("yes", FIRST)
    chat.speech.receive_answered_turn()
    assert (chat.speech.possible_answer, chat.speech.overlap.heard_characters) == (None, 0)


@pytest.mark.parametrize("echo", [False, True])
def test_echoes_are_detected_only_with_the_option(echo: bool) -> None:
    chat = Replying(BargeInOptions(echo=echo), SessionProfile(reply=ReplyMode.AUDIO))
    chat.speech.receive_reply_end(QUESTION, True, NOW)
    chat.speech.overlap.over_reply = True
    assert chat.speech.is_echo(QUESTION, NOW) is echo


def test_another_process_continues_with_its_own_clock() -> None:
    speech = Replying().speech
    speech.restore(Overlap(spoken_until=5.0), PossibleAnswer("yes", FIRST, 3), later_s=2.0)
    assert speech.overlap.spoken_until == 7.0
    assert speech.possible_answer == PossibleAnswer("yes", FIRST.shifted(2.0), 3)
