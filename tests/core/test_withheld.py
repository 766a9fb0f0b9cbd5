from voicegw.core.messages import ClientToolCalled, Message
from voicegw.core.withheld import without_input, without_tool_text

CALL = ClientToolCalled("1", "weather", '"bad"')
OTHER = ClientToolCalled("2", "weather", "{}")
CALLS = Message("assistant", "", (CALL, OTHER))


def test_a_text_is_replaced_by_a_note() -> None:
    assert without_input(Message("assistant", "something bad"), "something bad").content.startswith(
        "[withheld"
    )


def test_only_the_call_with_the_text_loses_its_arguments() -> None:
    for withheld in (without_input(CALLS, CALL.arguments), without_tool_text(CALLS, CALL.arguments)):
        assert [call.arguments for call in withheld.tool_calls] == ["{}", "{}"]
        assert [call.id for call in withheld.tool_calls] == ["1", "2"]


def test_a_result_is_replaced_by_a_note() -> None:
    result = Message("tool", "bad", tool_call_id="1")
    assert without_tool_text(result, "bad") == Message("tool", "[stopped by moderation]", tool_call_id="1")


def test_a_message_without_the_text_stays_the_same_object() -> None:
    assert without_input(CALLS, "bad") is CALLS
    assert without_tool_text(CALLS, "bad") is CALLS
