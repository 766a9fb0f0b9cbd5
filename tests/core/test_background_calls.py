import pytest

from voicegw.core.background_calls import AskedCall
from voicegw.core.events import ToolCalled


def test_a_call_of_the_model_has_no_owner() -> None:
    call = AskedCall.of(ToolCalled("c1", "book", "{}"))
    assert call == AskedCall("c1", "book", "{}")
    assert call.owner == ""


@pytest.mark.parametrize(("user", "owner"), [("ada", "ada"), ("", "s1")])
def test_a_call_is_charged_to_its_user_or_else_to_its_session(user: str, owner: str) -> None:
    call = AskedCall("c1", "book", "{}", user=user, session="s1")
    assert AskedCall.of(call) is call
    assert call.owner == owner
