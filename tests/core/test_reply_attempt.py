from voicegw.core.events import Message, ToolAnswered, ToolCalled
from voicegw.core.reply_attempt import Attempt


def test_its_text_is_the_delivered_text_without_tool_calls() -> None:
    attempt = Attempt(1, (Message("user", "What time is it?"),), 10.0, None)
    assert attempt.text == ""
    attempt.hidden = ["hidden"]
    attempt.delivered = [
        "One ",
        ToolCalled("c", "t", "{}"),
        ToolAnswered("c", "t", "noon", ok=True),
        "moment.",
    ]
    assert attempt.text == "One moment."
