from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core import events
from voicegw.core.events import (
    AudioAcknowledged,
    Event,
    Limits,
    PartialTranscript,
    ReplyDelta,
    SessionReady,
    SpeechStarted,
)
from voicegw.core.journal import ENTRY_BYTES, Journal
from voicegw.errors import SlowConsumer

READY = SessionReady("s", 1, False, 0, Limits(1, 1, 1))
TAKEN = AudioAcknowledged(320)


def described(event: Event, seq: int) -> str:
    """`seq:what` and something to tell two apart by."""
    match event:
        case PartialTranscript(turn, stable):
            return f"{seq}:partial{turn} {stable}"
        case ReplyDelta(_, text):
            return f"{seq}:delta {text}"
        case AudioAcknowledged(samples):
            return f"{seq}:ack {samples}"
        case _:
            return f"{seq}:{type(event).__name__}"


def partial(turn: int, stable: str) -> PartialTranscript:
    return PartialTranscript(turn, stable, "", 0)


def journal_of(*events: Event, waiting: int = 1_000, kept: int = 1_000, save: bool = True) -> Journal:
    journal = Journal(waiting, kept)
    for event in events:
        journal.add(event)
    if save:
        journal.saved(journal.unsaved())
    return journal


def shown(journal: Journal, after: int = 0) -> list[str]:
    """The events that are delivered to a client that has those up to `after`."""
    frames = []
    while (entry := journal.next_after(after)) is not None:
        frames.append(described(events.decode(entry.data), entry.seq))
        after = entry.seq
    return frames


def stored(journal: Journal) -> Mapping[int, bytes]:
    return {entry.seq: entry.data for entry in journal.entries()}


def test_numbers_from_1_in_order() -> None:
    assert shown(journal_of(SpeechStarted(1, 0), ReplyDelta(1, "a"))) == ["1:SpeechStarted", "2:delta a"]


def test_the_newest_partial_of_a_turn_takes_the_older_ones_place() -> None:
    journal = journal_of(partial(1, "a"), SpeechStarted(2, 0), partial(1, "a b"), partial(2, "c"))
    assert shown(journal) == ["1:partial1 a b", "2:SpeechStarted", "3:partial2 c"]


def test_tells_what_an_event_replaces() -> None:
    journal = journal_of(partial(1, "a"))
    assert journal.add(partial(2, "b")) is None
    assert journal.add(partial(2, "b c")) == "partial"
    assert journal.add(ReplyDelta(1, "d")) is None


def test_a_delivered_event_is_not_replaced() -> None:
    journal = journal_of(partial(1, "a"))
    assert shown(journal) == ["1:partial1 a"]
    journal.add(partial(1, "a b"))
    journal.saved(journal.unsaved())
    assert shown(journal, after=1) == ["2:partial1 a b"]


def test_nothing_is_shown_before_it_is_saved() -> None:
    journal = journal_of(ReplyDelta(1, "a"), partial(1, "b"), save=False)
    assert shown(journal) == []
    journal.saved(journal.unsaved()[:1])
    assert shown(journal) == ["1:delta a"]


def test_an_event_that_was_replaced_while_being_saved_is_saved_again() -> None:
    journal = journal_of(partial(1, "a"), save=False)
    on_its_way = journal.unsaved()
    journal.add(partial(1, "a b"))
    journal.saved(on_its_way)
    assert shown(journal) == []
    journal.saved(journal.unsaved())
    assert shown(journal) == ["1:partial1 a b"]


def test_a_client_that_resumes_gets_the_events_it_missed() -> None:
    journal = journal_of(*(ReplyDelta(1, text) for text in "abcd"))
    assert shown(journal) == ["1:delta a", "2:delta b", "3:delta c", "4:delta d"]
    journal.acknowledge(1)
    assert journal.can_resume_after(1)
    assert not journal.can_resume_after(0)
    assert shown(journal, after=2) == ["3:delta c", "4:delta d"]


def test_a_client_cannot_resume_after_an_event_that_does_not_exist() -> None:
    assert not journal_of(ReplyDelta(1, "a")).can_resume_after(2)


def test_an_acknowledgement_beyond_the_delivered_events_keeps_the_rest() -> None:
    journal = journal_of(ReplyDelta(1, "a"), ReplyDelta(1, "b"))
    journal.next_after(0)
    journal.acknowledge(9)
    assert shown(journal, after=1) == ["2:delta b"]


def test_old_events_go_when_newer_ones_need_the_room() -> None:
    journal = journal_of(*(ReplyDelta(1, "a" * 84) for _ in range(5)), kept=3 * (100 + ENTRY_BYTES))
    assert len(shown(journal)) == 5
    assert journal.first == 3
    assert journal.can_resume_after(2)
    assert not journal.can_resume_after(1)


def test_is_overloaded_before_it_is_full() -> None:
    journal = journal_of(ReplyDelta(1, "a" * 1_100))
    assert journal.overloaded
    with pytest.raises(SlowConsumer, match="2000 bytes"):
        journal.add(ReplyDelta(1, "b" * 1_000))
    assert journal.last == 1
    assert journal.waiting_bytes > 1_100
    shown(journal)
    assert not journal.overloaded
    assert journal.waiting_bytes == 0


def test_many_small_events_count_for_what_they_take() -> None:
    room = 4 * (ENTRY_BYTES + 50)
    assert not journal_of(*(ReplyDelta(1, "a") for _ in range(4)), waiting=room).overloaded
    assert journal_of(*(ReplyDelta(1, "a") for _ in range(5)), waiting=room).overloaded


def test_an_acknowledgement_replaces_one_that_was_not_delivered() -> None:
    journal = journal_of(TAKEN, ReplyDelta(1, "a"), AudioAcknowledged(640))
    assert shown(journal) == ["1:ack 640", "2:delta a"]


def test_replaced_messages_take_no_room() -> None:
    journal = journal_of(
        *(partial(1, "a" * 8 * length) for length in range(100)), waiting=1_000 + ENTRY_BYTES
    )
    assert not journal.overloaded


def test_a_missed_ready_event_is_not_repeated() -> None:
    journal = journal_of(READY, SpeechStarted(1, 0), READY, ReplyDelta(1, "a"))
    journal.replace_ready_events(1, TAKEN)
    journal.add(READY)
    journal.saved(journal.unsaved())
    assert shown(journal, after=1) == ["2:SpeechStarted", "3:ack 320", "4:delta a", "5:SessionReady"]


def test_a_restored_journal_continues_the_other() -> None:
    first = journal_of(*(ReplyDelta(1, text) for text in "abc"))
    shown(first)
    first.acknowledge(1)
    journal = Journal(1_000, 1_000)
    journal.restore(stored(first), first.last, first.ready_events)
    assert not journal.unsaved()
    journal.add(ReplyDelta(1, "d"))
    journal.saved(journal.unsaved())
    assert shown(journal, after=1) == ["2:delta b", "3:delta c", "4:delta d"]


def test_a_restored_journal_does_not_repeat_a_ready_event() -> None:
    first = journal_of(READY, ReplyDelta(1, "a"), READY)
    journal = Journal(1_000, 1_000)
    journal.restore(stored(first), first.last, first.ready_events)
    journal.replace_ready_events(1, TAKEN)
    journal.saved(journal.unsaved())
    assert shown(journal, after=1) == ["2:delta a", "3:ack 320"]


def test_no_client_can_resume_before_a_gap_in_the_restored_events() -> None:
    saved = stored(journal_of(*(ReplyDelta(1, text) for text in "abcd")))
    journal = Journal(1_000, 1_000)
    journal.restore({seq: frame for seq, frame in saved.items() if seq != 2}, 4, [])
    assert [seq for seq in range(6) if journal.can_resume_after(seq)] == [2, 3, 4]
    assert shown(journal, after=2) == ["3:delta c", "4:delta d"]


def test_no_client_can_resume_when_the_last_event_is_missing() -> None:
    journal = Journal(1_000, 1_000)
    journal.restore(stored(journal_of(ReplyDelta(1, "a"))), 2, [])
    assert [seq for seq in range(4) if journal.can_resume_after(seq)] == [2]


@given(st.lists(st.sampled_from(["partial", "delta", "show", "save", "cut off", "ack"]), max_size=60))
def test_every_client_sees_contiguous_numbers(steps: list[str]) -> None:
    journal, seen = journal_of(waiting=100_000), 0  # more than 60 events can fill
    for count, step in enumerate(steps):
        match step:
            case "partial":
                journal.add(partial(1, str(count)))
            case "delta":
                journal.add(ReplyDelta(1, str(count)))
            case "save":
                journal.saved(journal.unsaved())
            case "ack":
                journal.acknowledge(seen)
            case "cut off":
                assert journal.can_resume_after(seen)
            case _ if (entry := journal.next_after(seen)) is not None:
                assert entry.seq == seen + 1
                seen = entry.seq
