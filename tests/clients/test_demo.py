import io

import msgspec
import pytest
from rich.console import Console

from clients.conversation import Conversation
from clients.demo import Outcome, outcomes_of, summary
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


def test_the_summary_keeps_its_headers_in_80_columns() -> None:
    written = io.StringIO()
    long = Utterance("Could you please tell me what the time is in Oslo at the moment?", 450, 1250)
    Console(file=written, width=80).print(summary(outcomes(*TURN, said=long)))
    headers = next(line for line in written.getvalue().splitlines() if "said" in line)
    assert headers.split() == ["said", "right", "partials", "final", "token", "done"]
