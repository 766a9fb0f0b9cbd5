import pytest
from websockets.datastructures import Headers

from voicegw.dialects.bridge import BridgeDialect, VonageOptions
from voicegw.dialects.port import Handshake
from voicegw.errors import InputError, InvalidParameter, UnsupportedFormat, UnsupportedRate


def test_is_found_by_its_path() -> None:
    dialect = BridgeDialect(VonageOptions())
    paths = ("/bridge", "/bridge/", "/bridge/a.b.c", "/bridges", "/twilio")
    assert [path for path in paths if dialect.serves(path)] == ["/bridge", "/bridge/", "/bridge/a.b.c"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("rate=1", UnsupportedRate),
        ("mix=1", UnsupportedFormat),
        ("side=1", InvalidParameter),
        ("replies=1", InvalidParameter),
    ],
)
def test_a_url_that_is_wrong_is_refused_before_the_upgrade(query: str, error: type[InputError]) -> None:
    with pytest.raises(error):
        BridgeDialect(VonageOptions()).connect(Handshake("/bridge", query, Headers()))
