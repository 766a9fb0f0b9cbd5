"""What is judged, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.events import (
    BackgroundCallReport,
    FinalTranscript,
    ModerationTarget,
    ReplyDelta,
    ReplyDone,
    ReplyReason,
    ReplyStarted,
    ReplyStep,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.moderation_queue import NO_TURN, Check, ModerationQueue, pieces
from voicegw.errors import RateLimited


def replying(*pieces: str, every_characters: int = 40) -> ModerationQueue:
    """A queue after these pieces of the reply to turn 1."""
    queue = ModerationQueue(every_characters)
    queue.receive_event(ReplyStarted(1))
    for piece in pieces:
        queue.receive_event(ReplyDelta(1, piece))
    return queue


def due(queue: ModerationQueue) -> list[str]:
    """The texts of all checks that wait."""
    texts = []
    while checks := queue.next_checks():
        texts += [check.text for check in checks]
    return texts


def done(text: str, reason: ReplyReason = ReplyReason.COMPLETED) -> ReplyDone:
    return ReplyDone(1, text, reason)


def test_each_final_is_judged() -> None:
    queue = ModerationQueue(40)
    for turn, text in ((1, "hello"), (2, "goodbye")):
        queue.receive_event(FinalTranscript(turn, text, (), 0, 1))
    assert queue.next_checks() == [Check(1, ModerationTarget.INPUT, "hello")]
    assert queue.next_checks() == [Check(2, ModerationTarget.INPUT, "goodbye")]
    assert queue.next_checks() == []


def test_a_typed_text_is_judged_once() -> None:
    queue = ModerationQueue(40)
    queue.receive_input(1, "hello")
    queue.receive_input(1, "hello")
    queue.receive_input(2, "hello")
    assert due(queue) == ["hello", "hello"]


def test_a_setting_is_judged_again_if_it_comes_again() -> None:
    queue = ModerationQueue(200)
    queue.receive_setting("bad")
    queue.receive_setting("bad")
    check = Check(NO_TURN, ModerationTarget.INPUT, "bad")
    assert [*queue.next_checks(), *queue.next_checks()] == [check, check]


def test_an_empty_text_is_not_judged() -> None:
    queue = ModerationQueue(40)
    queue.receive_event(FinalTranscript(1, "", (), 0, 1))
    assert due(queue) == []


def test_a_reply_is_not_judged_word_by_word() -> None:
    assert due(replying("A few", " words")) == []


@pytest.mark.parametrize("end", [".", ". ", "! ", "? ", "\n", "。"])
def test_a_reply_is_judged_at_the_end_of_a_sentence(end: str) -> None:
    assert due(replying("It is so", end)) == ["It is so" + end]


def test_a_point_within_a_number_ends_no_sentence() -> None:
    assert due(replying("It is 3.5 or so")) == []


def test_a_long_sentence_is_judged_before_its_end() -> None:
    queue = replying("and on " * 3, "and on " * 4)
    assert due(queue) == ["and on " * 7]


def test_the_whole_reply_so_far_is_judged() -> None:
    queue = replying("One. ")
    assert due(queue) == ["One. "]
    queue.receive_event(ReplyDelta(1, "Two. "))
    assert due(queue) == ["One. Two. "]


def test_the_newest_text_takes_the_place_of_one_that_waits() -> None:
    assert due(replying("One. ", "Two. ", "Three. ")) == ["One. Two. Three. "]


def test_the_end_is_judged() -> None:
    queue = replying("One. ", "And")
    due(queue)
    queue.receive_event(done("One. And"))
    assert due(queue) == ["One. And"]


def test_a_reply_that_was_judged_to_its_end_is_not_judged_again() -> None:
    queue = replying("One. ")
    due(queue)
    queue.receive_event(done("One. "))
    assert due(queue) == []


def test_a_reply_stopped_by_moderation_is_not_judged_again() -> None:
    queue = replying("One. ", "And")
    due(queue)
    queue.receive_event(done("One. And", ReplyReason.MODERATED))
    assert due(queue) == []


def test_the_next_reply_is_judged_from_its_start() -> None:
    queue = replying("One. ")
    queue.receive_event(done("One. "))
    queue.receive_event(ReplyDelta(2, "Two. "))
    assert due(queue) == ["One. ", "Two. "]


def test_of_a_long_reply_the_end_is_judged_again_and_all_that_is_new() -> None:
    queue = replying("x" * 10_000, every_characters=100_000)
    queue.receive_event(ReplyDelta(1, "."))
    assert due(queue) == ["x" * 10_000 + "."]
    queue.receive_event(ReplyDelta(1, " So."))
    assert due(queue) == ["x" * 3_995 + ". So."]


def test_a_check_that_replaces_a_queued_one_contains_its_text() -> None:
    queue = replying("one " * 2_000 + ".", "two " * 2_000 + ".")
    assert due(queue) == ["one " * 2_000 + "." + "two " * 2_000 + "."]


@given(st.integers(0, 20_000))
def test_a_text_is_judged_whole_in_pieces_that_overlap(length: int) -> None:
    text = "".join(map(chr, range(32, 32 + length)))
    judged = pieces(text)
    assert all(len(piece) <= 4_000 for piece in judged)
    assert all(any(text[at : at + 400] in piece for piece in judged) for at in range(0, length, 97))
    assert judged[-1] == text[-len(judged[-1]) :]


def test_no_input_is_dropped_however_many_wait() -> None:
    queue = ModerationQueue(40)
    for turn in range(1, 101):
        queue.receive_input(turn, f"turn {turn}")
    together = queue.next_checks()
    assert len(together) > 1
    assert [check.text for check in together] + due(queue) == [f"turn {turn}" for turn in range(1, 101)]


def test_those_that_are_judged_together_are_no_longer_than_a_piece_and_of_one_kind() -> None:
    queue = replying("One. ")
    for turn in range(2, 30):
        queue.receive_input(turn, f"{turn} " * 300)
    together = []
    while checks := queue.next_checks():
        assert sum(len(check.text) for check in checks) <= 4_000
        together.append({check.what for check in checks})
    assert together[0] == {ModerationTarget.REPLY}
    assert all(len(kinds) == 1 for kinds in together)


def test_no_more_may_be_typed_when_too_much_waits() -> None:
    queue = ModerationQueue(40)
    for turn in range(640):
        queue.receive_input(turn, "x")
    with pytest.raises(RateLimited):
        queue.admit()
    due(queue)
    queue.admit()


def test_arguments_and_results_of_tools_are_judged() -> None:
    queue = replying()
    queue.receive_event(ReplyStep(1, ToolCalled("a", "send", '{"to": "me"}')))
    queue.receive_event(ReplyStep(1, ToolAnswered("a", "send", '"sent"', ok=True)))
    queue.receive_event(BackgroundCallReport(1, "b", "book", '"table 7"', done=True, ok=True))
    assert due(queue) == ['{"to": "me"}', '"sent"', '"table 7"']
