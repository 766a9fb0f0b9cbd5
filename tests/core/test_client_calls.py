import pytest

from voicegw.core.client_calls import NO_RESULT, paired
from voicegw.core.messages import ClientToolCalled, Message, ToolCalled

A, B = ClientToolCalled("a", "weather", "{}"), ClientToolCalled("b", "time", "{}")
OURS = ToolCalled("c", "ours", "{}")


def result(call: ToolCalled, text: str) -> Message:
    return Message("tool", text, tool_call_id=call.id)


def calls(*made: ToolCalled) -> Message:
    return Message("assistant", "", made)


USER = Message("user", "hello")
CASES = {
    "no calls": ([USER], [USER]),
    "no result yet": ([calls(A), USER], [calls(A), result(A, NO_RESULT), USER]),
    "a late result": ([calls(A), USER, result(A, "rain")], [calls(A), result(A, "rain"), USER]),
    "results in another order": (
        [calls(A, B), result(B, "noon"), result(A, "rain")],
        [calls(A, B), result(A, "rain"), result(B, "noon")],
    ),
    "calls with the same id": (
        [calls(A), result(A, "rain"), calls(A), USER, result(A, "sun"), calls(A)],
        [
            *(calls(A), result(A, "rain"), calls(A), result(A, "sun"), USER),
            *(calls(A), result(A, NO_RESULT)),
        ],
    ),
    "a result without a call": ([USER, result(A, "rain")], [USER]),
    "a call of the server": (
        [calls(OURS), result(OURS, "ok"), USER],
        [calls(OURS), result(OURS, "ok"), USER],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), CASES.values(), ids=CASES)
def test_each_call_is_followed_by_one_result(messages: list[Message], expected: list[Message]) -> None:
    assert list(paired(messages)) == expected
