import pytest

from clients.calls.raw import object_of
from clients.errors import ProtocolError


def test_an_object_is_read() -> None:
    assert object_of('{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("text", ["", "[]", "1", "{"])
def test_other_text_is_an_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        object_of(text)
