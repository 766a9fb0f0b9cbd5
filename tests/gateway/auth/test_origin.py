import pytest

from voicegw.errors import OriginRefused
from voicegw.gateway.auth.origin import check_origin

HOST = "voice.example:8443"


def refused(origin: str | None, *allowed: str, development: bool = False) -> bool:
    try:
        check_origin(origin, HOST, allowed, development=development)
    except OriginRefused:
        return True
    return False


@pytest.mark.parametrize("development", [True, False])
def test_programs_that_are_no_browsers_state_none(development: bool) -> None:
    assert not refused(None, development=development)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://voice.example",
        "https://voice.example:8443.evil.example",
        "null",
        "",
        "https://[",
        "file://",
    ],
)
def test_strangers_pages_are_refused(origin: str) -> None:
    assert refused(origin)
    assert refused(origin, "https://app.example")
    assert refused(origin, development=True)


def test_listed_pages_and_the_servers_own_are_welcome() -> None:
    assert not refused("https://app.example", "https://other.example", "https://App.example")
    assert not refused("https://voice.example:8443")
    assert not refused("https://anywhere.example", "*")


@pytest.mark.parametrize("page", ["localhost:3000", "127.0.0.1:8765", "[::1]:80"])
def test_in_development_pages_of_this_machine_are_welcome(page: str) -> None:
    assert not refused(f"http://{page}", development=True)
    assert refused(f"http://{page}")


@pytest.mark.parametrize("origin", ["null", "", "file://", "https://"])
def test_an_origin_without_a_name_is_not_that_of_a_server_without_one(origin: str) -> None:
    with pytest.raises(OriginRefused):
        check_origin(origin, "", (), development=False)


def test_in_development_a_name_that_was_made_to_point_here_is_refused() -> None:
    assert refused(f"http://{HOST}", development=True)
