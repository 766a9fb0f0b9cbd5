"""What is judged, and when."""

import pytest

from voicegw.core.events import (
    FinalTranscript,
    Judged,
    ReplyDelta,
    ReplyDone,
    ReplyReason,
    ReplyStarted,
)
from voicegw.core.moderation import Check, Watch


def replying(*pieces: str, every_characters: int = 40) -> Watch:
    """A watch over turn 1's reply, of which these pieces have come."""
    watch = Watch(every_characters)
    watch.receive_event(ReplyStarted(1))
    for piece in pieces:
        watch.receive_event(ReplyDelta(1, piece))
    return watch


def due(watch: Watch) -> list[str]:
    """The texts of all checks that wait."""
    texts = []
    while (check := watch.next_check()) is not None:
        texts.append(check.text)
    return texts


def done(text: str, reason: ReplyReason = ReplyReason.COMPLETED) -> ReplyDone:
    return ReplyDone(1, text, reason)


def test_each_final_is_judged() -> None:
    watch = Watch(40)
    for turn, text in ((1, "hello"), (2, "goodbye")):
        watch.receive_event(FinalTranscript(turn, text, (), 0, 1))
    assert watch.next_check() == Check(1, Judged.INPUT, "hello")
    assert watch.next_check() == Check(2, Judged.INPUT, "goodbye")
    assert watch.next_check() is None


def test_what_was_typed_is_judged_once() -> None:
    watch = Watch(40)
    watch.receive_input(1, "hello")
    watch.receive_input(1, "hello")
    watch.receive_input(2, "hello")
    assert due(watch) == ["hello", "hello"]


def test_nothing_said_is_nothing_to_judge() -> None:
    watch = Watch(40)
    watch.receive_event(FinalTranscript(1, "", (), 0, 1))
    assert due(watch) == []


def test_a_reply_is_not_judged_word_by_word() -> None:
    assert due(replying("A few", " words")) == []


@pytest.mark.parametrize("end", [".", ". ", "! ", "? ", "\n", "。"])
def test_a_reply_is_judged_at_the_end_of_a_sentence(end: str) -> None:
    assert due(replying("It is so", end)) == ["It is so" + end]


def test_a_point_within_a_number_ends_no_sentence() -> None:
    assert due(replying("It is 3.5 or so")) == []


def test_a_sentence_that_goes_on_is_judged_in_between() -> None:
    watch = replying("and on " * 3, "and on " * 4)
    assert due(watch) == ["and on " * 7]


def test_the_whole_reply_so_far_is_judged() -> None:
    watch = replying("One. ")
    assert due(watch) == ["One. "]
    watch.receive_event(ReplyDelta(1, "Two. "))
    assert due(watch) == ["One. Two. "]


def test_the_newest_text_takes_the_place_of_one_that_waits() -> None:
    assert due(replying("One. ", "Two. ", "Three. ")) == ["One. Two. Three. "]


def test_the_end_is_judged() -> None:
    watch = replying("One. ", "And")
    due(watch)
    watch.receive_event(done("One. And"))
    assert due(watch) == ["One. And"]


def test_what_was_judged_to_its_end_is_not_judged_again() -> None:
    watch = replying("One. ")
    due(watch)
    watch.receive_event(done("One. "))
    assert due(watch) == []


def test_a_reply_stopped_by_moderation_is_not_judged_again() -> None:
    watch = replying("One. ", "And")
    due(watch)
    watch.receive_event(done("One. And", ReplyReason.MODERATED))
    assert due(watch) == []


def test_the_next_reply_begins_anew() -> None:
    watch = replying("One. ")
    watch.receive_event(done("One. "))
    watch.receive_event(ReplyDelta(2, "Two. "))
    assert due(watch) == ["One. ", "Two. "]


def test_long_texts_are_judged_at_their_end() -> None:
    (text,) = due(replying("x" * 10_000))
    assert len(text) == 4_000


def test_what_waits_is_bounded_and_the_oldest_goes_first() -> None:
    watch = Watch(40)
    for turn in range(100):
        watch.receive_input(turn, f"turn {turn}")
    assert due(watch) == [f"turn {turn}" for turn in range(84, 100)]
