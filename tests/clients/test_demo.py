import msgspec
import pytest

from clients.conversation import Conversation
from clients.demo import Outcome, outcomes_of
from clients.samples import Sample, Utterance
from tests.clients.scripted_server import DONE, FINAL, PARTIAL, TURN
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

SAID = Utterance("What time is it?", 450, 1250)


def outcomes(*messages: native.ServerMessage, said: Utterance = SAID) -> list[Outcome]:
    conversation = Conversation()
    for message in messages:
        conversation.receive(message)
    return outcomes_of(Sample("x.wav", "clean", 2000, (said,)), conversation)


def test_an_utterance_that_was_heard_and_answered_is_completed() -> None:
    [outcome] = outcomes(*TURN)
    assert outcome.completed
    assert outcome.words_right == 4


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (PARTIAL, FINAL),
        (FINAL, DONE),
        (PARTIAL, FINAL, msgspec.structs.replace(DONE, reason=ReplyReason.INTERRUPTED)),
    ],
)
def test_a_step_that_is_missing_fails_the_utterance(messages: tuple[native.ServerMessage, ...]) -> None:
    [outcome] = outcomes(*messages)
    assert not outcome.completed


def test_a_turn_belongs_to_the_utterance_it_overlaps() -> None:
    [later] = outcomes(*TURN, said=Utterance("What time is it?", 5000, 6000))
    assert later.turns == ()


def test_words_count_in_order() -> None:
    [outcome] = outcomes(*TURN, said=Utterance("Now what is the time in Oslo?", 450, 1250))
    assert outcome.words_right == 2
