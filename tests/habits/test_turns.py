"""What people and loudspeakers do while the assistant speaks: who is answered, and what stops a reply."""

from dataclasses import dataclass

import pytest

from tests.habits.room import Room, voice
from tests.habits.table import Habit, rows
from voicegw.core.audio import SAMPLE_RATE
from voicegw.core.barge_in import BargeInOptions
from voicegw.core.reply_options import ReplyOptions
from voicegw.core.sentences import SentenceSplitter
from voicegw.core.session import SessionOptions

QUESTION = "I found a table for four at seven. Shall I book it for you?"
STATEMENT = "I found a table for four at seven. It is by the window."
QUESTION_FIRST = "Shall I book it for you? It is a table by the window, and the kitchen is open until ten."
CHOICE = "Good morning. Would you like to drink tea or coffee?"
LONG = (
    "The weather in Berlin is sunny today. There are five meetings in your calendar. "
    "The first one is with Doctor Miller at nine."
)
COMPLETED, INTERRUPTED = "completed", "interrupted"


@dataclass(frozen=True)
class Scene:
    """A reply that is said aloud, and what the user says: the text, and when it begins, in s before the end
    of the reply. echo: how loud the microphone hears the loudspeaker. tells_echo: the option for that."""

    reply: str
    says: tuple[tuple[float, str], ...] = ()
    echo: float = 0.0
    tells_echo: bool = False


def yes(seconds: float, word: str = "yes") -> tuple[tuple[float, str], ...]:
    """One word, so many seconds before the end of the reply."""
    return ((seconds, word),)


ANSWERED = (COMPLETED, ["yes"])
UNANSWERED: tuple[str, list[str]] = (COMPLETED, [])

HABITS = [
    Habit("answer over a question", "1.2 s before its end", Scene(QUESTION, yes(1.2)), ANSWERED),
    Habit("answer over a question", "0.9 s before its end", Scene(QUESTION, yes(0.9)), ANSWERED),
    Habit("answer over a question", "0.6 s before its end", Scene(QUESTION, yes(0.6)), ANSWERED),
    Habit("answer over a question", "0.3 s before its end", Scene(QUESTION, yes(0.3)), ANSWERED),
    Habit("answer over a question", "at its end", Scene(QUESTION, yes(0.0)), ANSWERED),
    Habit("answer over a question", "after its end", Scene(QUESTION, yes(-0.5)), ANSWERED),
    Habit("answer over a question", "okay", Scene(QUESTION, yes(0.9, "okay")), (COMPLETED, ["okay"])),
    Habit("answer over a question", "sure", Scene(QUESTION, yes(0.9, "sure")), (COMPLETED, ["sure"])),
    Habit(
        "answer over a question",
        "just after the question, while the reply goes on",
        Scene(QUESTION_FIRST, yes(2.9)),
        ANSWERED,
    ),
    Habit(
        "answer over a question", "no is a barge-in", Scene(QUESTION, yes(0.9, "no")), (INTERRUPTED, ["no"])
    ),
    Habit("backchannel", "yes over a statement", Scene(STATEMENT, yes(0.9)), UNANSWERED),
    Habit("backchannel", "yes long before the question", Scene(QUESTION, yes(2.8)), UNANSWERED),
    Habit("backchannel", "okay over a long reply", Scene(LONG, yes(5.0, "okay")), UNANSWERED),
    Habit("barge-in", "stop", Scene(LONG, yes(4.0, "stop")), (INTERRUPTED, ["stop"])),
    Habit(
        "barge-in",
        "a sentence",
        Scene(LONG, yes(4.0, "what time is it")),
        (INTERRUPTED, ["what time is it"]),
    ),
    Habit("echo", "a quarter, without the option", Scene(LONG, echo=0.25), (INTERRUPTED, ["the weather"])),
    Habit("echo", "a quarter", Scene(LONG, echo=0.25, tells_echo=True), UNANSWERED),
    Habit("echo", "a tenth", Scene(LONG, echo=0.1, tells_echo=True), UNANSWERED),
    Habit("echo", "a half", Scene(LONG, echo=0.5, tells_echo=True), UNANSWERED),
    Habit("echo", "of a question", Scene(QUESTION, echo=0.25, tells_echo=True), UNANSWERED),
    Habit("echo", "of a short reply", Scene("Very well.", echo=0.25, tells_echo=True), UNANSWERED),
    Habit("echo", "an answer after it", Scene(QUESTION, yes(-1.0), echo=0.25, tells_echo=True), ANSWERED),
    *(
        Habit(
            "echo",
            f"an answer in the words of the question, {before_s} s before its end",
            Scene(CHOICE, yes(before_s, "coffee"), tells_echo=True),
            (COMPLETED, ["coffee"]),
        )
        for before_s in (0.9, 0.3, 0.0, -0.3)
    ),
    Habit(
        "echo",
        "with the option but none: a barge-in",
        Scene(LONG, yes(4.0, "what time is it"), tells_echo=True),
        (INTERRUPTED, ["what time is it"]),
    ),
]


def length_s(reply: str) -> float:
    """How long the reply is said for."""
    cutter = SentenceSplitter()
    pieces = [*cutter.push(reply), *cutter.flush()]
    return sum(len(voice(piece.text)) for piece in pieces) / SAMPLE_RATE


def plain(text: str) -> str:
    return text.casefold().rstrip(".?!")


@pytest.mark.parametrize("habit", rows(HABITS))
def test_habit(habit: Habit[Scene]) -> None:
    scene = habit.given
    barge_in = BargeInOptions(echo=scene.tells_echo)
    room = Room(SessionOptions(reply=ReplyOptions(barge_in=barge_in)), [scene.reply, ""], scene.echo)
    end_s = length_s(scene.reply)
    room.play([(end_s - before_s, text) for before_s, text in scene.says], end_s + 4)
    first, *_ = room.reasons
    answered = room.answered[1:]
    assert (first, [plain(text) for text in answered]) == habit.expected
