import pytest
from websockets.datastructures import Headers

from voicegw.dialects.bearer import bearer_token


@pytest.mark.parametrize(
    ("header", "value", "found"),
    [
        ("Authorization", "Bearer abc", "abc"),
        ("authorization", "bearer   abc ", "abc"),
        ("Authorization", "Basic abc", None),
        ("Sec-WebSocket-Protocol", "voicegw.v1, bearer.a.b.c", "a.b.c"),
        ("Sec-WebSocket-Protocol", "voicegw.v1", None),
        ("Cookie", "bearer.abc", None),
    ],
)
def test_where_a_token_may_be(header: str, value: str, found: str | None) -> None:
    assert bearer_token(Headers({header: value})) == found
