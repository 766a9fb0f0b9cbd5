"""The user's audio: items, their order, and deltas that are never taken back."""

import json
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.openai_realtime.realtime import Client, connected
from voicegw.core.commands import AddItem, DeleteItem, Discard
from voicegw.core.events import (
    EndReason,
    Fault,
    FinalTranscript,
    PartialTranscript,
    SpeechStarted,
    SpeechStopped,
)
from voicegw.dialects.openai_realtime.input_items import MOST_LONG_ITEMS
from voicegw.errors import RecognitionFailed

SECOND = "AAAA" * 16_000
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"


def partial(turn: int, stable: str) -> PartialTranscript:
    return PartialTranscript(turn, stable, "and more", 0)


def final(turn: int, text: str) -> FinalTranscript:
    return FinalTranscript(turn, text, (), 0, 16_000)


def stopped(turn: int, reason: EndReason = EndReason.SILENCE) -> SpeechStopped:
    return SpeechStopped(turn, 16_000, reason)


@pytest.fixture
def client() -> Client:
    return Client(connected("intent=transcription"))


@pytest.fixture
def manual(client: Client) -> Client:
    client.update(audio={"input": {"turn_detection": None}})
    client.received.clear()
    return client


def commit(client: Client) -> list[dict[str, Any]]:
    client.send("input_audio_buffer.append", audio=SECOND)
    return client.send("input_audio_buffer.commit")


def test_speech_becomes_an_item(client: Client) -> None:
    begin = len(client.received)
    client.hear(SpeechStarted(1, 16_000), partial(1, "one"), stopped(1), final(1, "one two"))
    events = client.received[begin:]
    assert [event["type"].rpartition(".")[2] for event in events] == [
        *("speech_started", "delta", "speech_stopped", "committed", "added", "done", "delta", "completed"),
    ]
    assert (events[0]["audio_start_ms"], events[2]["audio_end_ms"]) == (700, 1_000)
    names = {event.get("item_id") or event["item"]["id"] for event in events}
    assert len(names) == 1
    assert [event["delta"] for event in events if "delta" in event] == ["one", " two"]
    assert (events[-1]["transcript"], events[-1]["usage"]) == (
        "one two",
        {"type": "duration", "seconds": 1.0},
    )


def test_items_follow_each_other(client: Client) -> None:
    for turn in (1, 2):
        client.hear(SpeechStarted(turn, 0), stopped(turn), final(turn, "one"))
    first, second = (event for event in client.received if event["type"] == "input_audio_buffer.committed")
    assert (first["previous_item_id"], second["previous_item_id"]) == (None, first["item_id"])


def test_without_transcription_there_are_no_transcripts() -> None:
    client = Client()
    client.hear(SpeechStarted(1, 0), partial(1, "one"), stopped(1), final(1, "one"))
    assert not {DELTA, COMPLETED} & set(client.kinds())
    [item_id] = {event["item_id"] for event in client.received if "item_id" in event}
    [retrieved] = client.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"][0]["transcript"] == "one"


def test_a_commit_makes_one_item_of_several_utterances(manual: Client) -> None:
    manual.hear(SpeechStarted(1, 0), partial(1, "one"), stopped(1, EndReason.MAX_LENGTH), SpeechStarted(2, 0))
    manual.hear(final(1, "one two"), partial(2, "three"))
    commit(manual)
    manual.hear(stopped(2, EndReason.COMMIT), final(2, "three four"))
    assert "input_audio_buffer.speech_started" not in manual.kinds()
    [completed] = [event for event in manual.received if event["type"] == COMPLETED]
    assert completed["transcript"] == "one two three four"
    assert_append_only(manual)


@pytest.mark.parametrize("complete", [True, False])
def test_what_becomes_of_an_item_becomes_of_all_its_utterances(manual: Client, complete: bool) -> None:
    manual.hear(SpeechStarted(1, 0), final(1, ""), SpeechStarted(2, 0), final(2, "two"), SpeechStarted(3, 0))
    manual.hear(final(3, "three") if complete else partial(3, "three"))
    commit(manual)
    item_id = next(event["item_id"] for event in manual.received if event["type"] == DELTA)
    message = {"type": "message", "role": "user", "content": []}
    manual.commands.clear()
    manual.send("conversation.item.create", item=message, previous_item_id=item_id)
    [added] = manual.commands
    assert isinstance(added, AddItem)
    assert added.after == "turn 3"
    manual.commands.clear()
    manual.send("conversation.item.delete", item_id=item_id)
    deleted = {each.id for each in manual.commands if isinstance(each, DeleteItem)}
    assert {"turn 2", "turn 3"} <= deleted


def test_only_so_many_items_of_several_utterances_are_known(manual: Client) -> None:
    for turn in range(2, 2 * MOST_LONG_ITEMS + 4, 2):
        manual.hear(
            SpeechStarted(turn, 0), SpeechStarted(turn + 1, 0), final(turn, "a"), final(turn + 1, "b")
        )
        commit(manual)
    ids = [event["item_id"] for event in manual.received if event["type"] == COMPLETED]
    assert manual.codec._input.turns_of(ids[0]) == []
    assert manual.codec._input.turns_of(ids[1]) == [4, 5]


def test_a_commit_without_speech_is_an_item_without_words(manual: Client) -> None:
    answers = commit(manual)
    assert [answer["type"] for answer in answers][-1] == COMPLETED
    assert answers[-1]["transcript"] == ""
    assert manual.hear(final(1, "")) == []


def test_a_commit_before_the_silence_ends_the_turn(client: Client) -> None:
    client.hear(SpeechStarted(1, 0))
    assert commit(client) == []
    client.hear(stopped(1, EndReason.COMMIT), final(1, "one"))
    assert client.kinds().count("input_audio_buffer.committed") == 1


def test_what_is_cleared_is_no_item(client: Client) -> None:
    client.hear(SpeechStarted(1, 0), stopped(1, EndReason.DISCARDED))
    client.send("input_audio_buffer.clear")
    assert client.hear(final(1, "")) == []
    assert "input_audio_buffer.committed" not in client.kinds()


def test_what_is_cleared_leaves_the_conversation(manual: Client) -> None:
    manual.hear(SpeechStarted(1, 0), stopped(1, EndReason.STALLED), final(1, "one"))
    manual.commands.clear()
    manual.send("input_audio_buffer.clear")
    assert manual.commands == [Discard(), DeleteItem("turn 1")]


def test_words_that_are_lost_are_told(client: Client) -> None:
    client.hear(SpeechStarted(1, 0), stopped(1))
    [failed] = client.hear(Fault.of(RecognitionFailed()), final(1, ""))
    assert failed["type"].endswith(".failed")
    client.hear(SpeechStarted(2, 0), stopped(2), Fault.of(RecognitionFailed()), final(2, "one"))
    assert client.received[-1]["transcript"] == "one"


def assert_append_only(client: Client) -> None:
    """The deltas of each item are its transcript, and items do not overlap."""
    words = [event for event in client.received if event["type"] in (DELTA, COMPLETED)]
    for item_id, events in groupby(words, key=lambda event: event["item_id"]):
        *deltas, completed = list(events)
        assert completed["type"] == COMPLETED, item_id
        assert "".join(delta["delta"] for delta in deltas) == completed["transcript"]


WORDS = st.lists(st.sampled_from(["one", "two", "three"]), max_size=4)


@st.composite
def speech(draw: Any) -> list[object]:
    """Events of utterances whose words grow, some of which have their final only after the next has begun,
    and commits."""
    happened: list[object] = []
    waiting: list[FinalTranscript] = []
    for turn in range(1, draw(st.integers(1, 6)) + 1):
        words = draw(WORDS)
        happened.append(SpeechStarted(turn, 0))
        for count in sorted(draw(st.lists(st.integers(0, len(words)), max_size=3))):
            happened.append(partial(turn, " ".join(words[:count])))
            if waiting and draw(st.booleans()):
                happened.append(waiting.pop(0))
        if draw(st.booleans()):
            happened.append("commit")
        happened.append(stopped(turn))
        waiting.append(final(turn, " ".join(words)))
        if draw(st.booleans()):
            happened += waiting
            waiting = []
    return [*happened, *waiting, "commit"]


@given(speech(), st.booleans())
def test_nothing_is_ever_taken_back(happened: list[object], by_client: bool) -> None:
    client = Client(connected("intent=transcription"))
    if by_client:
        client.update(audio={"input": {"turn_detection": None}})
    for event in happened:
        if event == "commit":
            commit(client)
        else:
            client.hear(event)  # type: ignore[arg-type]
    assert_append_only(client)
    started = sum(isinstance(event, SpeechStarted) for event in happened)
    assert by_client or client.kinds().count("input_audio_buffer.speech_stopped") == started
    json.dumps(client.received)
