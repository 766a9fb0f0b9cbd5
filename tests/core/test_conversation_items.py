"""The conversation as the client changes it, by what the model reads next."""

import pytest

from tests.core.scenario import Scenario, assert_reply
from voicegw.core import events
from voicegw.core.commands import AddItem, Configure, CreateReply, DeleteItem, ReplyMode, TruncateReply
from voicegw.core.events import ReplyReason
from voicegw.core.messages import ClientToolCalled, Message


@pytest.fixture
def scenario() -> Scenario:
    return Scenario()


def prompt(scenario: Scenario) -> list[str]:
    """What the model reads after the system prompt."""
    scenario.command(CreateReply())
    assert scenario.request is not None
    return [message.content for message in scenario.request.messages[1:]]


def item(text: str, name: str, role: str = "user") -> Message:
    return Message(role, text, id=name)


def test_items_are_added_without_a_reply(scenario: Scenario) -> None:
    for text in ("one", "two"):
        scenario.command(AddItem(item(text, text)))
    assert scenario.request is None
    assert prompt(scenario) == ["one", "two"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (None, ["one", "two", "new"]),
        ("", ["new", "one", "two"]),
        ("1", ["one", "new", "two"]),
        ("unknown", ["one", "two", "new"]),
    ],
)
def test_an_item_is_added_after_another(scenario: Scenario, after: str | None, expected: list[str]) -> None:
    scenario.command(AddItem(item("one", "1")))
    scenario.command(AddItem(item("two", "2")))
    scenario.command(AddItem(item("new", "3"), after))
    assert prompt(scenario) == expected


def test_a_turn_and_its_reply_are_items(scenario: Scenario) -> None:
    scenario.say("one")
    scenario.reply("two")
    scenario.finish_reply()
    scenario.command(AddItem(item("three", "3"), "turn 1"))
    scenario.command(DeleteItem("reply 1"))
    assert prompt(scenario) == ["one", "three"]


def test_a_call_is_deleted_with_its_result(scenario: Scenario) -> None:
    call = ClientToolCalled("call-1", "weather", "{}")
    scenario.command(AddItem(item("hello", "1")))
    scenario.command(AddItem(Message("assistant", "let me see", (call,), id="2")))
    scenario.command(AddItem(Message("tool", "rain", tool_call_id="call-1", id="3")))
    scenario.command(DeleteItem("call-1"))
    assert prompt(scenario) == ["hello", "let me see"]


def test_very_many_items_push_out_the_oldest(scenario: Scenario) -> None:
    for number in range(60):
        scenario.command(AddItem(item(f"{number} " * 300, str(number))))
    scenario.command(Configure(history_characters=2_000))
    assert prompt(scenario)[-1].startswith("59 ")


def test_a_complete_reply_is_cut(scenario: Scenario) -> None:
    scenario.say("one")
    scenario.reply("two three four")
    scenario.finish_reply()
    scenario.command(TruncateReply(1, 100, 100))
    scenario.command(TruncateReply(2, 100, 3))
    scenario.command(TruncateReply(1, 100, 4))
    assert prompt(scenario) == ["one", "two [cut off]"]


def spoken(scenario: Scenario) -> None:
    """A reply of one second, of which the half has been sent."""
    scenario.configure_replies(ReplyMode.AUDIO)
    scenario.say("hello")
    scenario.reply("One two three four.")
    scenario.finish_reply()
    scenario.utter(1000)
    scenario.wait(600)


def test_a_reply_in_progress_stops_where_it_was_heard(scenario: Scenario) -> None:
    spoken(scenario)
    scenario.command(TruncateReply(1, 300, 0))
    assert_reply(scenario, 1, "One", ReplyReason.INTERRUPTED)
    assert prompt(scenario) == ["hello", "One [cut off]"]


def test_a_reply_that_was_played_to_its_end_is_complete(scenario: Scenario) -> None:
    spoken(scenario)
    scenario.wait(600)
    scenario.wait(10)
    scenario.command(TruncateReply(1, 1000, 19))
    assert scenario.last(events.ReplyDone).reason is ReplyReason.COMPLETED


def test_of_a_full_history_the_stated_fraction_is_kept(scenario: Scenario) -> None:
    scenario.command(Configure(history_characters=1_000, retained=0.9))
    for number in range(11):
        scenario.command(AddItem(item("x" * 84, str(number))))
    assert len(prompt(scenario)) == 9
