"""A session that is continued on another connection."""

from typing import Any

from tests.dialects.openai_realtime.realtime import Client, connected
from voicegw.core import events
from voicegw.core.commands import Configure
from voicegw.core.events import ReplyDelta, ReplyDone, ReplyReason
from voicegw.dialects.port import ReplyAudio

RESUMED = events.SessionReady("secret", 1, True, 36_000, events.Limits(1, 1, 1))
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


def resumed(earlier: Client, last: dict[str, Any] | None = None, *missed: events.Event) -> Client:
    """The same client on a new connection. last: the last event that it received."""
    codec = connected("session_id=sess_secret" + (f"&last_event_id={last['event_id']}" if last else ""))
    codec.continue_from(earlier.codec)
    return Client(codec, *missed, RESUMED)


def test_shows_the_session_as_it_was_and_how_much_audio_it_has() -> None:
    before = Client()
    before.update(instructions="Be brief.")
    [created] = resumed(before).received
    assert created["type"] == "session.created"
    assert (created["session"]["id"], created["session"]["instructions"]) == ("sess_secret", "Be brief.")
    assert created["session"]["input_audio_ms"] == 1_500


def test_repeats_what_was_lost_then_sends_what_was_missed() -> None:
    before = Client()
    before.send("conversation.item.create", item=HELLO | {"id": "mine"})
    before.hear(ReplyDelta(1, "Good "))
    lost = before.received[2:]
    after = resumed(
        before, before.received[1], ReplyDelta(1, "day."), ReplyDone(1, "Good day.", ReplyReason.COMPLETED)
    )
    created, *others = after.received
    assert created["type"] == "session.created"
    assert others[: len(lost)] == lost
    assert (others[len(lost)]["type"], others[len(lost)]["delta"]) == (
        "response.output_audio_transcript.delta",
        "day.",
    )
    assert others[-1]["response"]["output"][0]["content"][0]["transcript"] == "Good day."
    ids = [event["event_id"] for event in before.received + after.received]
    assert len(set(ids)) == len(ids) - len(lost)


def test_a_client_that_does_not_tell_where_it_was_gets_only_what_is_new() -> None:
    before = Client()
    before.hear(ReplyDelta(1, "Good "))
    assert [event["type"] for event in resumed(before).received] == ["session.created"]


def test_items_are_known_on_the_next_connection() -> None:
    before = Client()
    before.send("conversation.item.create", item=HELLO | {"id": "mine"})
    after = resumed(before)
    [retrieved] = after.send("conversation.item.retrieve", item_id="mine")
    assert retrieved["item"]["content"] == HELLO["content"]


def test_the_earlier_connection_gets_nothing_more() -> None:
    before = Client()
    before.hear(ReplyDelta(1, "Good "))
    resumed(before)
    assert before.hear(ReplyDelta(1, "day.")) == []
    assert not before.codec.send_audio(ReplyAudio(1, b"\0\0", 20.0))


def test_what_the_new_token_fixes_counts() -> None:
    codec = connected("session_id=sess_secret")
    codec.fix(Configure(instructions="Sell shoes."))
    codec.continue_from(Client().codec)
    [created] = Client(codec, RESUMED).received
    assert created["session"]["instructions"] == "Sell shoes."


def test_all_of_an_event_is_encoded_even_if_the_connection_is_lost_meanwhile() -> None:
    before = Client()
    before.hear(ReplyDelta(1, "Good day."))
    before.codec.send_event(ReplyDone(1, "Good day.", ReplyReason.COMPLETED), 3)  # sent to nobody
    after = resumed(before, before.received[-1])
    assert after.kinds()[-1] == "response.done"


def test_what_is_kept_is_bounded() -> None:
    before = Client()
    first = before.received[0]
    before.hear(*(ReplyDelta(1, "x" * 1_000) for _ in range(200)))
    repeated = resumed(before, first).received[1:]
    assert 40 < len(repeated) < 64
    assert repeated[-1] == before.received[-1]


def is_told_that_all_follows(earlier: Client, last: dict[str, Any] | None) -> bool:
    """What `session.created` says to a client with this last event."""
    complete: bool = resumed(earlier, last).received[0]["session"]["events_complete"]
    return complete


def test_a_client_is_told_whether_all_that_it_missed_follows() -> None:
    before = Client()
    before.hear(*(ReplyDelta(1, "x" * 1_000) for _ in range(200)))
    kept = resumed(before, before.received[0]).received[1:]
    last_unkept = before.received.index(kept[0]) - 1
    assert is_told_that_all_follows(before, before.received[last_unkept])
    assert not is_told_that_all_follows(before, before.received[last_unkept - 1])


def test_a_client_that_does_not_tell_where_it_was_may_lack_events() -> None:
    assert not is_told_that_all_follows(Client(), None)
    assert not is_told_that_all_follows(Client(), {"event_id": "event_unknown"})


def test_a_client_that_lacks_events_is_told_so_again_on_the_next_connection() -> None:
    before = Client()
    before.hear(*(ReplyDelta(1, "x" * 1_000) for _ in range(200)))
    second = resumed(before, before.received[0])
    assert not is_told_that_all_follows(second, second.received[0])


def test_what_is_repeated_outlives_a_connection_of_which_only_the_begin_arrives() -> None:
    before = Client()
    before.hear(ReplyDelta(1, "Good day."))
    first, *lost = before.received
    second = resumed(before, first)
    third = resumed(second, second.received[0])
    third.hear(ReplyDone(1, "Good day.", ReplyReason.COMPLETED))
    fourth = resumed(third, third.received[0])
    assert fourth.received[1:] == third.received[1:]
    assert third.received[1 : len(lost) + 1] == lost
    ids = [event["event_id"] for client in (second, third, fourth) for event in client.received[:1]]
    assert len(set(ids)) == 3


def test_a_client_that_did_not_tell_where_it_was_may_tell_so_later() -> None:
    second = resumed(Client())
    second.hear(ReplyDelta(1, "Good day."))
    assert resumed(second, second.received[0]).received[1:] == second.received[1:]


def test_what_was_missed_outlives_a_connection_that_is_lost_before_it_begins() -> None:
    before = Client()
    lost = connected("session_id=sess_secret")
    lost.continue_from(before.codec)
    assert lost.send_event(ReplyDelta(1, "Good day."), 2) == []
    codec = connected("session_id=sess_secret")
    codec.continue_from(lost)
    created, *others = Client(codec, RESUMED).received
    assert created["type"] == "session.created"
    assert others[-1]["delta"] == "Good day."
