import msgspec
import pytest

from clients.conversation import Conversation, normalised
from tests.clients.scripted_server import DONE, FINAL, LATENCY, PARTIAL, READY, TURN
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

pytestmark = pytest.mark.usefixtures("virtual_clock")


def conversation(*messages: native.ServerMessage) -> Conversation:
    whole = Conversation()
    for message in messages:
        whole.receive(message)
    return whole


def test_a_turn_gathers_its_messages() -> None:
    turn = conversation(READY, *TURN).turns[1]
    assert (turn.partials, turn.stable, turn.tentative) == (1, "What time", "is it")
    assert turn.final == FINAL
    assert (turn.reply, turn.reason, turn.latency) == ("It is noon.", ReplyReason.COMPLETED, LATENCY)


def test_a_turn_knows_whether_its_words_are_joined() -> None:
    joined = msgspec.structs.replace(PARTIAL, joined=True)
    assert conversation(joined).turns[1].joined
    assert not conversation(joined, PARTIAL).turns[1].joined


def test_only_messages_about_a_turn_name_one() -> None:
    whole = Conversation()
    assert whole.receive(READY) is None
    assert whole.receive(native.AckedMessage(seq=2, samples=16_000)) is None
    assert whole.receive(PARTIAL) is whole.turns[1]


def test_a_partial_without_words_does_not_count() -> None:
    empty = msgspec.structs.replace(PARTIAL, stable="", tentative="")
    assert conversation(empty).turns[1].partials == 0


def test_errors_are_kept_by_code() -> None:
    error = native.ErrorMessage(seq=9, code="llm_timeout", message="slow", retryable=True)
    assert conversation(error).errors == ["llm_timeout"]


@pytest.mark.parametrize(
    ("messages", "expects_reply", "completed"),
    [
        ((), True, True),
        ((PARTIAL,), True, False),
        ((PARTIAL, FINAL), True, False),
        ((PARTIAL, FINAL), False, True),
        ((PARTIAL, FINAL, DONE), True, True),
        ((msgspec.structs.replace(FINAL, text=""),), True, True),
        ((FINAL, msgspec.structs.replace(DONE, reason=ReplyReason.INTERRUPTED)), True, True),
        ((FINAL, msgspec.structs.replace(DONE, reason=ReplyReason.FAILED)), True, False),
        ((*TURN, msgspec.structs.replace(PARTIAL, turn=2)), True, False),
        ((FINAL, msgspec.structs.replace(FINAL, turn=2), msgspec.structs.replace(DONE, turn=2)), True, True),
    ],
)
def test_when_a_conversation_is_completed(
    messages: tuple[native.ServerMessage, ...], expects_reply: bool, completed: bool
) -> None:
    assert conversation(*messages).is_completed(expects_reply=expects_reply) is completed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's the TIME, please?", ["whats", "the", "time", "please"]),
        ("twenty-one — percent.", ["twenty", "one", "percent"]),
        ("Turn it to 21 degrees!", ["turn", "it", "to", "21", "degrees"]),
        (" ... ", []),
    ],
)
def test_words_are_compared_without_case_and_punctuation(text: str, words: list[str]) -> None:
    assert normalised(text) == words


def test_a_session_that_is_begun_anew_adds_its_turns() -> None:
    assert sorted(conversation(READY, FINAL, READY, FINAL).turns) == [1, 2]
