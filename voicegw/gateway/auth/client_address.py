"""Whose connection is it: the client's address, also from behind proxies that are trusted to tell.

Headers are believed only from a peer on the list of proxies, and only as far back as the chain of listed
proxies reaches; what a client wrote in front of that counts for nothing.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from websockets.datastructures import Headers

from voicegw.core.options import option
from voicegw.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_PROXIES = 20  # in a row; more are made up, to keep the server busy
_SHARED_PREFIX = 64  # one subscriber has a whole IPv6 network of this length


class ForwardedHeader(StrEnum):
    """Where a proxy writes whom it speaks for; only the one it is known to set may be believed."""

    X_FORWARDED_FOR = "x-forwarded-for"
    FORWARDED = "forwarded"  # RFC 7239


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """Which proxies stand in front of the server."""

    trusted: tuple[str, ...] = option(
        ("127.0.0.1", "::1"), "addresses or networks of the proxies whose header is believed"
    )
    header: ForwardedHeader = option(ForwardedHeader.X_FORWARDED_FOR, "header in which they name the client")


class AddressBook:
    """Reads clients' addresses. `options` of None: there is no proxy, and no header is believed.

    exempt: addresses and networks that no limit goes by.
    """

    def __init__(self, options: ProxyOptions | None, exempt: Iterable[str] = ()) -> None:
        self._header = None if options is None else options.header
        self._proxies = () if options is None else networks(options.trusted)
        self._exempt = networks(exempt)

    def client(self, peer: str, headers: Headers) -> str:
        """The address that limits go by: an IPv4 address, an IPv6 /64, or empty for no limits. Whoever is not
        named by a proxy counts as the proxy, which no limit leaves out."""
        address = self._address(peer, headers)
        if address is None or (_within(address, self._exempt) and not self._is_proxy(address)):
            return ""
        return _group(address)

    def shown(self, peer: str, headers: Headers) -> str:
        """The client's address for people who read the log."""
        address = self._address(peer, headers)
        return peer if address is None else str(address)

    def comes_from(self, listed: Iterable[Network], peer: str, headers: Headers) -> bool:
        """Whether the client's address is one of those `listed`. Whoever is not named by a proxy comes from
        nowhere."""
        address = self._address(peer, headers)
        return address is not None and not self._is_proxy(address) and _within(address, listed)

    def _address(self, peer: str, headers: Headers) -> Address | None:
        try:
            address = _parse(peer)
        except ValueError:
            return None
        if self._header is not None and self._is_proxy(address):
            address = self._behind(address, _chain(headers, self._header))
        return address

    def doubt(self, peer: str, headers: Headers) -> str:
        """Why one address may stand for many clients; empty where it does not."""
        address = self._address(peer, headers)
        if self._header is None or address is None:
            return ""
        if not self._is_proxy(_parse(peer)):
            return "a proxy that is not listed"
        return "a proxy that names no client" if self._is_proxy(address) else ""

    def is_shared(self, peer: str) -> bool:
        """Whether many clients may stand behind this peer, so that no limit goes by its address."""
        try:
            return _within(_parse(peer), (*self._proxies, *self._exempt))
        except ValueError:
            return True

    def _behind(self, address: Address, chain: Iterable[str]) -> Address:
        for entry in islice(chain, _MOST_PROXIES):
            try:
                address = _parse(entry)
            except ValueError:  # the proxy could not tell, or a client made it up
                break
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, address: Address) -> bool:
        """Whether it is a proxy's; of a client's that no client was named."""
        return _within(address, self._proxies)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as configured. Raises ConfigurationError for what is neither."""
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _within(address: Address, listed: Iterable[Network]) -> bool:
    return any(address in network for network in listed)


def _chain(headers: Headers, header: ForwardedHeader) -> Iterator[str]:
    """The addresses that the header names, the nearest first."""
    for value in reversed(headers.get_all(header)):
        for entry in reversed(value.split(",")):
            yield _forwarded_for(entry) if header is ForwardedHeader.FORWARDED else entry


def _forwarded_for(element: str) -> str:
    """The `for` of one element of a Forwarded header, empty when it has none."""
    for pair in element.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value.strip().strip('"')
    return ""


def _parse(text: str) -> Address:
    """`203.0.113.7`, `203.0.113.7:443`, `2001:db8::1`, `[2001:db8::1]:443`. Raises ValueError."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv4Address):
        return address
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # without its zone, of any length


def _group(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), _SHARED_PREFIX), strict=False))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
