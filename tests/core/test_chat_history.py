from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core import chat_history
from voicegw.core.chat_history import SYSTEM_PROMPT, ChatHistory, DialogueOptions, reply_messages
from voicegw.core.events import (
    ClientToolCalled,
    Message,
    ReplyNotice,
    ReplyPiece,
    ToolAnswered,
    ToolCalled,
)
from voicegw.core.history_length import characters_of
from voicegw.core.profile import SessionProfile
from voicegw.core.reply_parameters import ClientTool, ReplyParameters

SYSTEM = Message("system", SYSTEM_PROMPT)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def test_the_prompt_is_the_system_message_and_the_history() -> None:
    dialogue = ChatHistory(DialogueOptions())
    dialogue.add_user("hello")
    dialogue.add_reply(["good day"], cut_off=False)
    dialogue.add_user("what time is it")
    assert dialogue.prompt() == (SYSTEM, user("hello"), assistant("good day"), user("what time is it"))


def test_a_reply_that_was_cut_off_is_marked() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt=""))
    dialogue.add_reply(["it is half"], cut_off=True)
    assert dialogue.prompt() == (assistant("it is half [cut off]"),)


def test_an_undelivered_reply_is_not_in_the_history() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt=""))
    dialogue.add_reply([], cut_off=True)
    assert dialogue.prompt() == ()


def test_the_oldest_turns_are_dropped_whole() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    for turn in range(3):
        dialogue.add_user(f"{turn}" * 300)
        dialogue.add_reply([f"{turn}" * 300], cut_off=False)
    dialogue.add_user("next")
    assert dialogue.prompt() == (user("next"),)


def test_the_newest_message_is_kept_however_long() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    dialogue.add_user("old")
    dialogue.add_reply(["answer"], cut_off=False)
    dialogue.add_user("x" * 5000)
    assert dialogue.prompt() == (user("x" * 5000),)


def test_a_long_result_leaves_the_question_and_the_call() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    history.add_user("old", 1)
    history.add_user("the weather?", 2)
    call = Message("assistant", "", (ClientToolCalled("1", "weather", "{}"),))
    for message in (call, Message("tool", "x" * 950, tool_call_id="1"), Message("assistant", "y" * 60)):
        history.insert(message, None)
    assert [message.role for message in history.prompt()] == ["user", "assistant"]
    history.insert(call, None)
    history.insert(Message("tool", "x" * 5000, tool_call_id="1"), None)
    assert [message.role for message in history.prompt()] == ["user", "assistant", "tool"]
    assert history.prompt()[0] == user("the weather?")


def test_an_item_does_not_cost_more_the_more_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def count(messages: Sequence[Message], *rest: Any) -> Any:
            nonlocal looked_at
            looked_at += len(messages)
            return work(messages, *rest)

        return count

    for name in ("characters_of", "without_oldest"):
        monkeypatch.setattr(chat_history, name, counted(getattr(chat_history, name)))
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=16_000))
    for _ in range(3_000):
        history.insert(Message("user", ""), None)
    assert 850 < len(history.state.messages) <= 1_000
    assert looked_at < 30 * 3_000


def test_items_and_turns_together_do_not_keep_too_much() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    history.insert(user("x" * 100), None)
    history.add_user("x" * 300, 1)
    history.add_reply(["x" * 300], 1, cut_off=False)
    history.add_interrupted([Message("assistant", "x" * 150)])
    assert len(history.state.messages) == 4
    history.insert(user("x" * 80), None)
    assert characters_of(history.state.messages) <= 1000


def test_results_of_background_calls_alone_may_be_long() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    history.add_result(A, "x" * 5000)
    assert [message.role for message in history.prompt()] == ["assistant", "tool"]


def test_what_an_endpoint_adds_to_calls_pushes_nothing_out_and_stays_until_the_next_turn() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    extended = msgspec.structs.replace(A, extra="x" * 5000)
    for turn in range(5):
        history.add_user("the time?", turn)
        history.add_reply([extended, answered(A, "noon")], turn, cut_off=False)
        history.add_result(extended, "noon")
    prompt = history.prompt()
    assert len(prompt) == 5 * 5
    assert [bool(call.extra) for message in prompt for call in message.tool_calls] == [
        *[False] * 8,
        True,
        True,
    ]
    expected = history.prompt("thanks")
    history.add_user("thanks", 6)
    assert history.prompt() == expected
    assert not any(call.extra for message in expected for call in message.tool_calls)
    assert not any(call.extra for message in history.state.messages for call in message.tool_calls)


def test_what_an_endpoint_adds_to_very_many_calls_of_one_turn_is_limited() -> None:
    history = ChatHistory(DialogueOptions(system_prompt=""))
    extended = msgspec.structs.replace(A, extra="x" * 8000)
    history.add_user("the time?", 1)
    for _ in range(50):
        history.add_reply([extended, answered(A, "noon")], 1, cut_off=False)
    for _ in range(3):
        history.add_result(extended, "noon")
    prompt = history.prompt()
    for messages in (prompt, (*history.state.messages, *history.state.tool_results)):
        extras = [call.extra for message in messages for call in message.tool_calls]
        assert extras == [*[""] * 45, *[extended.extra] * 8]


def test_items_after_one_question_do_not_grow_without_limit() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    history.add_user("hello", 1)
    for _ in range(50):
        history.insert(Message("tool", "x" * 100, tool_call_id="never called"), None)
    assert len(history.state.messages) < 12
    assert history.prompt() == (user("hello"),)


A, B = ToolCalled("a", "clock", "{}"), ToolCalled("b", "light", '{"on": true}')


def answered(call: ToolCalled, content: str) -> ToolAnswered:
    return ToolAnswered(call.id, call.name, content, ok=True)


def test_calls_are_followed_by_their_answers() -> None:
    pieces: list[ReplyPiece] = [
        "Let me ",
        "see.",
        A,
        B,
        answered(B, "on"),
        answered(A, "noon"),
        "It is noon.",
    ]
    assert reply_messages(pieces) == [
        Message("assistant", "Let me see.", (A, B)),
        Message("tool", "noon", tool_call_id="a"),
        Message("tool", "on", tool_call_id="b"),
        assistant("It is noon."),
    ]


def test_a_call_that_was_interrupted_is_answered_so() -> None:
    call, answer = reply_messages([A])
    assert call == Message("assistant", "", (A,))
    assert (answer.role, answer.tool_call_id) == ("tool", "a")
    assert "interrupted" in answer.content


def test_only_text_is_marked_as_cut_off() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt=""))
    dialogue.add_reply([A, answered(A, "noon")], cut_off=True)
    assert dialogue.prompt()[-1] == Message("tool", "noon", tool_call_id="a")


def test_trimming_leaves_no_tool_answer_without_its_call() -> None:
    dialogue = ChatHistory(DialogueOptions(history_characters=1000))
    dialogue.add_user("What is on the menu?")
    dialogue.add_reply([A, answered(A, "x" * 1000)], cut_off=True)
    assert dialogue.prompt("And the wine?") == (SYSTEM, Message("user", "And the wine?"))
    dialogue.add_user("And the wine?")
    assert dialogue.prompt() == (SYSTEM, Message("user", "And the wine?"))


def test_results_of_background_calls_precede_the_next_item_of_the_user_and_are_dropped_with_it() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="", history_characters=1000))
    for number in range(9):
        history.add_result(A, "noon")
        history.insert(Message("user", "x" * 300, id=str(number)), None)
    assert [message.role for message in history.prompt()[-3:]] == ["assistant", "tool", "user"]
    assert len(history.prompt()) < 9


def test_notices_are_not_in_the_prompt() -> None:
    assert reply_messages([ReplyNotice("llm_timeout", "asked again")]) == []


def test_a_reply_in_very_many_pieces_does_not_take_long() -> None:
    [message] = reply_messages(["x" * 1_000] * 20_000)  # minutes, if every piece were added to all before
    assert len(message.content) == 20_000_000


def test_a_provisional_prompt_is_the_one_that_follows() -> None:
    dialogue = ChatHistory(DialogueOptions())
    dialogue.add_user("hello")
    foreseen = dialogue.prompt("are you there")
    assert dialogue.prompt() == foreseen[:-1]
    dialogue.add_user("are you there")
    assert dialogue.prompt() == foreseen


@given(st.lists(st.tuples(st.integers(1, 120), st.integers(0, 200)), min_size=20, max_size=80))
def test_a_prompt_begins_with_the_previous_one_except_after_trims(
    lengths: list[tuple[int, int]],
) -> None:
    dialogue = ChatHistory(DialogueOptions(history_characters=2000))
    before, cuts = dialogue.prompt(), 0
    for said, replied in lengths:
        dialogue.add_user("u" * said)
        prompt = dialogue.prompt()
        cuts += prompt[: len(before)] != before
        before = prompt
        dialogue.add_reply(["a" * replied], cut_off=False)
    assert prompt[0] == SYSTEM
    assert prompt[1].role == "user"
    assert cuts <= sum(said + replied + 32 for said, replied in lengths) / 1000  # each drops about half


def test_of_what_is_no_reply_any_message_is_withheld() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt=""))
    dialogue.insert(Message("assistant", "something bad", id="client 1"), None)
    dialogue.add_reply(["something bad"], 1, cut_off=False)
    assert dialogue.withhold_input("something bad") is False
    assert [each.content for each in dialogue.prompt()] == ["[withheld by moderation]", "something bad"]


def test_arguments_in_an_item_are_withheld_and_items_behind_it_are_no_reply() -> None:
    history = ChatHistory(DialogueOptions(system_prompt=""))
    call = ClientToolCalled("1", "weather", '"something bad"')
    history.insert(Message("assistant", "", (call,), id="client 1"), None)
    history.insert(Message("assistant", "fine", id="client 2"), None)
    history.add_user("hello", 1)
    assert history.withhold_input(call.arguments) is True
    assert [each.arguments for each in history.prompt()[0].tool_calls] == ["{}"]
    history.add_reply(["good day"], 1, cut_off=False)
    assert history.withhold_input("fine") is False


def test_rejected_tools_are_left_out() -> None:
    history = ChatHistory(DialogueOptions())
    bad = ReplyParameters((ClientTool("a", "Harms.", "{}"),), function="a", max_tokens=5)
    other = ReplyParameters((ClientTool("b", "Helps.", "{}"),))
    history.configure(SessionProfile(parameters=bad))
    assert history.parameters_of(None) == bad
    assert history.withhold_input(bad.declarations) is True
    assert history.parameters_of(None) == history.parameters_of(bad) == ReplyParameters(max_tokens=5)
    assert history.parameters_of(other) == other


def test_a_text_that_is_rejected_is_withheld_wherever_it_is() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="Help."))
    bad = ReplyParameters((ClientTool("a", "Harms.", "{}"),))
    text = bad.declarations
    history.configure(SessionProfile(parameters=bad, instructions=text))
    history.insert(Message("user", text, id="client 1"), None)
    history.add_reply(["no"], 1, cut_off=False)
    assert history.withhold_input(text) is True
    assert history.parameters_of(None) == ReplyParameters()
    assert text not in [message.content for message in history.prompt()]


def test_arguments_and_results_of_tools_are_withheld() -> None:
    dialogue = ChatHistory(DialogueOptions(system_prompt=""))
    dialogue.add_user("hello")
    dialogue.add_reply([B, answered(B, '"something bad"')], cut_off=False)
    dialogue.add_result(A, '"worse"')
    for text in (B.arguments, '"something bad"', '"worse"'):
        dialogue.withhold_reply(text)
    shown = msgspec.json.encode(dialogue.prompt()).decode()
    assert "bad" not in shown
    assert "worse" not in shown
    assert [call.arguments for call in dialogue.prompt()[1].tool_calls] == ["{}"]


def test_in_place_of_rejected_instructions_the_servers_own_count() -> None:
    history = ChatHistory(DialogueOptions(system_prompt="Help."))
    history.instructions = "Harm."
    assert history.prefix == (Message("system", "Harm."),)
    assert history.withhold_input("Harm.")
    assert history.prefix == history.prefix_of("Harm.") == (Message("system", "Help."),)
    history.instructions = "Sing."
    assert history.prefix == (Message("system", "Sing."),)
