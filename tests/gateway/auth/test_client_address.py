import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from voicegw.errors import ConfigurationError
from voicegw.gateway.auth.client_address import ClientAddresses, ProxyOptions, is_loopback, networks

PROXY = "10.0.0.9"
OPTIONS = ProxyOptions(trusted=("10.0.0.0/24", "::1"))


def client(peer: str, *values: str, options: ProxyOptions | None = OPTIONS) -> str:
    return ClientAddresses(options).client(peer, Headers([("X-Forwarded-For", value) for value in values]))


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_peer_is_its_address_or_its_subscribers_network(peer: str, address: str) -> None:
    assert client(peer, options=None) == address


def test_without_a_proxy_no_header_is_believed() -> None:
    assert client("203.0.113.7", "198.51.100.1", options=None) == "203.0.113.7"


def test_a_header_is_believed_from_a_proxy_only() -> None:
    assert client(PROXY, "198.51.100.1") == "198.51.100.1"
    assert client("203.0.113.7", "198.51.100.1") == "203.0.113.7"


@pytest.mark.parametrize(
    ("values", "address"),
    [
        (["198.51.100.1, 10.0.0.8"], "198.51.100.1"),
        (["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  # the client wrote the first one itself
        (["1.2.3.4", "198.51.100.1", "10.0.0.7"], "198.51.100.1"),
        (["198.51.100.1:5060"], "198.51.100.1"),
        (["[2001:db8::1]:443"], "2001:db8::/64"),
        (["1.2.3.4, unknown"], PROXY),
        (["unknown, 10.0.0.8"], "10.0.0.8"),
        ([""], PROXY),
        ([], PROXY),
    ],
)
def test_goes_back_as_far_as_the_proxies_reach(values: list[str], address: str) -> None:
    assert client(PROXY, *values) == address


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), max_size=4))
def test_whatever_a_header_says_there_is_an_address(values: list[str]) -> None:
    assert client(PROXY, *values)


def test_some_addresses_are_exempt_from_limits() -> None:
    book = ClientAddresses(OPTIONS, exempt=("127.0.0.0/8", "2001:db8::/32"))
    assert book.client("127.0.0.1", Headers()) == ""
    assert book.client("2001:db8::7", Headers()) == ""
    assert book.client(PROXY, Headers({"X-Forwarded-For": "127.0.0.1"})) == ""
    assert book.client("203.0.113.7", Headers()) == "203.0.113.7"


def test_people_are_shown_the_whole_address_exempt_or_not() -> None:
    book = ClientAddresses(OPTIONS, exempt=("2001:db8::/32",))
    headers = Headers({"X-Forwarded-For": "2001:db8::7"})
    assert book.for_log(PROXY, headers) == "2001:db8::7"
    assert book.for_log("", headers) == ""


def test_many_may_share_a_proxy_or_an_exempt_address() -> None:
    book = ClientAddresses(OPTIONS, exempt=("127.0.0.0/8",))
    shown = [book.unshared(peer) for peer in (PROXY, "127.0.0.1", "", "203.0.113.7", "2001:db8::7")]
    assert shown == ["", "", "", "203.0.113.7", "2001:db8::/64"]
    named = Headers({"X-Forwarded-For": "203.0.113.7"})
    assert [book.unshared(PROXY, headers) for headers in (named, Headers())] == ["203.0.113.7", ""]


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"10\.0\.0"):
        ClientAddresses(ProxyOptions(trusted=("10.0.0",)))


@pytest.mark.parametrize("values", [[], [""], ["unknown"], ["1.2.3.4, unknown"], ["10.0.0.8"]])
def test_whoever_a_proxy_does_not_name_is_limited_and_comes_from_nowhere(values: list[str]) -> None:
    book = ClientAddresses(OPTIONS, exempt=("10.0.0.0/8",))
    headers = Headers([("X-Forwarded-For", value) for value in values])
    assert book.client(PROXY, headers).startswith("10.0.0.")
    assert not book.is_listed(networks(("10.0.0.0/8",)), PROXY, headers)
    assert book.shared_reason(PROXY, headers) == "a proxy that names no client"


def test_who_is_named_or_comes_without_a_proxy_is_in_no_doubt() -> None:
    named = Headers({"X-Forwarded-For": "10.1.0.7"})
    assert ClientAddresses(OPTIONS).is_listed(networks(("10.0.0.0/8",)), PROXY, named)
    assert ClientAddresses(OPTIONS).shared_reason(PROXY, named) == ""
    assert ClientAddresses(None).shared_reason(PROXY, Headers()) == ""
    assert ClientAddresses(OPTIONS).shared_reason("203.0.113.7", Headers()) == "a proxy that is not listed"


def test_a_zone_of_any_length_is_left_out() -> None:
    headers = Headers({"X-Forwarded-For": f"fe80::1%{'x' * 5_000}"})
    assert ClientAddresses(OPTIONS).for_log(PROXY, headers) == "fe80::1"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_what_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "voice.example", "localhost.example"])
def test_what_is_not(host: str) -> None:
    assert not is_loopback(host)
