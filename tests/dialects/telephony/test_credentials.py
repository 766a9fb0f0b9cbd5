import pytest
from websockets.datastructures import Headers

from voicegw.dialects.port import Handshake
from voicegw.dialects.telephony.credentials import query_value, request_token, serves


def request(path: str = "/calls", query: str = "", authorization: str = "") -> Handshake:
    return Handshake(path, query, Headers({"Authorization": authorization} if authorization else {}))


@pytest.mark.parametrize(
    ("handshake", "token"),
    [
        (request(), None),
        (request("/calls/"), None),
        (request("/calls/a.b.c"), "a.b.c"),
        (request("/calls/a%2Eb/"), "a.b"),
        (request(query="rate=8000&token=a.b.c"), "a.b.c"),
        (request(query="token="), None),
        (request(query="token=%F0%9F"), "\N{REPLACEMENT CHARACTER}"),
        (request(authorization="Bearer a.b.c"), "a.b.c"),
        (request(authorization="Basic dXNlcjphLmIuYw=="), "a.b.c"),
        (request(authorization="basic dXNlcjo="), None),
        (request(authorization="Basic %%%"), None),
        (request(authorization="Basic /w=="), None),
        (request(authorization="Digest x"), None),
        (request("/calls/path", "token=query", "Bearer header"), "path"),
        (request(query="token=query", authorization="Bearer header"), "query"),
    ],
)
def test_the_token_is_in_the_path_the_query_or_a_header(handshake: Handshake, token: str | None) -> None:
    assert request_token(handshake, "/calls") == token


def test_a_dialect_serves_its_path_and_what_is_below_it() -> None:
    assert [path for path in ("/a", "/a/", "/a/b", "/ab", "/", "/b/a") if serves(path, "/a")] == [
        "/a",
        "/a/",
        "/a/b",
    ]


def test_the_last_of_several_values_counts() -> None:
    assert query_value("a=1&a=2&b", "a") == "2"
    assert query_value("a=1", "c") is None
