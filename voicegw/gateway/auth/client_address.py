"""The address of a client, also behind trusted proxies.

`X-Forwarded-For` is used only when the peer is a listed proxy, and only as far back as the chain of listed
proxies reaches; earlier entries, which the client could have written, are ignored.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from websockets.datastructures import Headers

from voicegw.core.options import option
from voicegw.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_PROXIES = 20  # longest chain that is read
_SHARED_PREFIX = 64  # a subscriber usually has an IPv6 network of this prefix length


@dataclass(frozen=True, slots=True)
class ProxyOptions:
    """The proxies in front of the server."""

    trusted: tuple[str, ...] = option(
        ("127.0.0.1", "::1"), "addresses or networks of the proxies whose header is trusted"
    )


class ClientAddresses:
    """Determines the addresses of clients. options: None when there is no proxy; then no header is read.

    exempt: addresses and networks without limits.
    """

    def __init__(self, options: ProxyOptions | None, exempt: Iterable[str] = ()) -> None:
        self._has_proxy = options is not None
        self._proxies = () if options is None else networks(options.trusted)
        self._exempt = networks(exempt)

    def client(self, peer: str, headers: Headers) -> str:
        """The address for which limits apply: an IPv4 address, an IPv6 /64 network, or empty for no limits. A
        client that a proxy does not name counts as the proxy itself, which is never exempt."""
        address = self._address(peer, headers)
        if address is None or (_within(address, self._exempt) and not self._is_proxy(address)):
            return ""
        return _group(address)

    def for_log(self, peer: str, headers: Headers) -> str:
        """The client's address for the log."""
        address = self._address(peer, headers)
        return peer if address is None else str(address)

    def is_listed(self, listed: Iterable[Network], peer: str, headers: Headers) -> bool:
        """Whether the client's address is in `listed`. False for a client that a proxy does not name."""
        address = self._address(peer, headers)
        return address is not None and not self._is_proxy(address) and _within(address, listed)

    def _address(self, peer: str, headers: Headers) -> Address | None:
        try:
            address = _parse(peer)
        except ValueError:
            return None
        if self._is_proxy(address):
            address = self._behind(address, _chain(headers))
        return address

    def shared_reason(self, peer: str, headers: Headers) -> str:
        """Why many clients may share this address; empty when they do not."""
        address = self._address(peer, headers)
        if not self._has_proxy or address is None:
            return ""
        if not self._is_proxy(_parse(peer)):
            return "a proxy that is not listed"
        return "a proxy that names no client" if self._is_proxy(address) else ""

    def unshared(self, peer: str, headers: Headers | None = None) -> str:
        """As `client`, but empty, too, for a proxy, whose address many clients may share. headers: None while
        they are not known."""
        address = self._address(peer, Headers() if headers is None else headers)
        if address is None or _within(address, (*self._proxies, *self._exempt)):
            return ""
        return _group(address)

    def _behind(self, address: Address, chain: Iterable[str]) -> Address:
        for entry in islice(chain, _MAX_PROXIES):
            try:
                address = _parse(entry)
            except ValueError:  # no address: unknown to the proxy, or written by the client
                break
            if not self._is_proxy(address):
                break
        return address

    def _is_proxy(self, address: Address) -> bool:
        """Whether it is the address of a listed proxy; as a client address: the client is not named."""
        return _within(address, self._proxies)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parses addresses and networks. Raises ConfigurationError for anything else."""
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _within(address: Address, listed: Iterable[Network]) -> bool:
    return any(address in network for network in listed)


def _chain(headers: Headers) -> Iterator[str]:
    """The addresses in the header, nearest first."""
    for value in reversed(headers.get_all("X-Forwarded-For")):
        yield from reversed(value.split(","))


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
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # without its zone


def _group(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), _SHARED_PREFIX), strict=False))


def is_loopback(host: str) -> bool:
    """Whether a server that listens on `host` is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
