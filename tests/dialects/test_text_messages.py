import msgspec
import pytest

from voicegw.dialects.text_messages import check_size, decoded
from voicegw.errors import MalformedMessage, MessageTooBig

DECODER = msgspec.json.Decoder(dict[str, int])


def test_the_size_of_text_is_that_of_its_bytes() -> None:
    check_size("é" * 5, limit=10)
    for frame in ("é" * 6, bytes(11)):
        with pytest.raises(MessageTooBig, match="the limit is 10"):
            check_size(frame, limit=10)


@pytest.mark.parametrize("text", ["", "no JSON", '{"a": "x"}', "[" * 100_000, '{"a": "\ud800"}'])
def test_an_invalid_message_has_a_short_reason(text: str) -> None:
    with pytest.raises(MalformedMessage) as raised:
        decoded(text, DECODER)
    assert 0 < len(raised.value.message) <= 200
