from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.events import ClientToolCalled, Message, ToolCalled
from voicegw.core.history_length import (
    KEPT_EXTRA_CHARACTERS,
    characters_of,
    without_old_extra,
    without_oldest,
)

USER, REPLY = Message("user", "x" * 84), Message("assistant", "x" * 84)  # 100 characters each
CALL = Message("assistant", "", (ClientToolCalled("1", "weather", "{}"),))
RESULT = Message("tool", "x" * 84, tool_call_id="1")


def test_arguments_of_calls_count_and_what_an_endpoint_adds_does_not() -> None:
    call = ToolCalled("1", "weather", '{"city":"Oslo"}', extra='{"a": 1}')
    assert characters_of([Message("assistant", "Wait.", (call,))]) == 16 + 5 + 15


def test_what_an_endpoint_adds_to_calls_is_kept_for_one_turn() -> None:
    called = Message("assistant", "", (ClientToolCalled("1", "weather", "{}", extra="{}"),))
    assert without_old_extra([]) == []
    assert without_old_extra([called, RESULT]) == [called, RESULT]
    assert without_old_extra([USER, called, USER, called]) == [USER, CALL, USER, called]


def test_in_a_turn_of_very_many_calls_the_newest_ones_keep_what_an_endpoint_adds() -> None:
    quarter = "x" * (KEPT_EXTRA_CHARACTERS // 4)
    call = ClientToolCalled("1", "weather", "{}", extra=quarter)
    one, two = Message("assistant", "", (call,)), Message("assistant", "", (call, call))
    assert without_old_extra([USER, one, two, RESULT, one]) == [USER, one, two, RESULT, one]
    assert without_old_extra([USER, one, two, one, one]) == [USER, CALL, two, one, one]
    two_calls = Message("assistant", "", (*CALL.tool_calls, *CALL.tool_calls))
    assert without_old_extra([USER, one, two, two, one]) == [USER, CALL, two_calls, two, one]


def test_turns_are_dropped_whole() -> None:
    assert without_oldest([USER, REPLY, USER, REPLY, USER], 101) == [USER, REPLY, USER]
    assert without_oldest([USER, REPLY, USER, REPLY, USER], 201) == [USER]


def test_what_precedes_the_first_message_of_the_user_is_a_turn() -> None:
    assert without_oldest([REPLY, REPLY, USER], 1) == [USER]


def test_the_last_turn_keeps_its_question_and_its_newest_message() -> None:
    assert without_oldest([USER, REPLY, REPLY, REPLY], 1) == [USER, REPLY, REPLY]
    assert without_oldest([USER, REPLY, REPLY, REPLY], 9_000) == [USER, REPLY]


def test_when_a_turn_follows_the_last_one_is_dropped_whole() -> None:
    assert without_oldest([USER, REPLY, REPLY], 1, turn_follows=True) == []


def test_a_call_and_its_result_are_dropped_together() -> None:
    assert without_oldest([USER, CALL, RESULT, REPLY], 1) == [USER, REPLY]
    assert without_oldest([USER, REPLY, CALL, RESULT], 9_000) == [USER, CALL, RESULT]


def test_the_newest_result_keeps_its_call_among_several() -> None:
    other = Message("assistant", "", (ClientToolCalled("2", "clock", "{}"),))
    noon = Message("tool", "noon", tool_call_id="2")
    assert without_oldest([USER, CALL, other, RESULT, noon], 9_000) == [USER, other, noon]


def test_the_newest_result_keeps_the_question_that_led_to_it() -> None:
    hello = Message("user", "hello?")
    assert without_oldest([USER, REPLY, USER, CALL, hello, RESULT], 9_000) == [USER, CALL, hello, RESULT]


def test_very_many_results_of_one_call_are_not_kept() -> None:
    assert without_oldest([USER, CALL, *[RESULT] * 50], 9_000) == [USER, CALL, RESULT]


@given(st.lists(st.sampled_from([USER, REPLY, CALL, RESULT])), st.integers(-1, 2_000), st.booleans())
def test_as_much_is_dropped_as_is_needed_where_it_can_be(
    messages: list[Message], excess: int, follows: bool
) -> None:
    kept = without_oldest(messages, excess, turn_follows=follows)
    assert kept == messages or excess > 0
    assert characters_of(messages) - characters_of(kept) >= excess or len(kept) <= 4
    assert follows or not messages or kept[-1] == messages[-1]
