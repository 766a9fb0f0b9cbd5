"""Whether this caller may have this session: its address, the page it comes from, its token, its limits."""

from dataclasses import dataclass, field

import structlog
from websockets.datastructures import Headers
from websockets.http11 import Request

from voicegw.core.options import option
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Opening
from voicegw.gateway.auth.authenticator import Authenticator, Identity, TokenOptions
from voicegw.gateway.auth.client_address import AddressBook, ProxyOptions, networks
from voicegw.gateway.auth.origin import check_host, check_origin
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits, Resource
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """From where clients may come."""

    origins: tuple[str, ...] = option(
        (), "web origins whose pages may connect, beside the server's own; * for all"
    )
    behind_proxy: bool = option(False, "a proxy in front terminates TLS and names the client")
    metrics_from: tuple[str, ...] = option(
        ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        "addresses and networks that may read /metrics",
    )
    proxy: ProxyOptions = field(default_factory=ProxyOptions)


class Access:
    """The rules in their order; the cheap ones first, and what uses something up last."""

    def __init__(self, options: AccessOptions, authenticator: Authenticator, limits: Limits) -> None:
        self.options = options
        self.authenticator = authenticator
        self.limits = limits
        self._remarked = False
        self._metrics_from = networks(options.metrics_from)
        self.addresses = AddressBook(options.proxy if options.behind_proxy else None, limits.options.exempt)

    @classmethod
    def development(cls, metrics: Metrics) -> "Access":
        """Everybody on this machine, without a token."""
        authenticator = Authenticator(TokenOptions(), LocalReplayCache())
        return cls(AccessOptions(), authenticator, Limits(LimitOptions(), metrics))

    async def count(self, peer: str, headers: Headers) -> str:
        """The address that limits go by, with one connection more. Raises RateLimited.

        It comes before anything that is refused: what is refused is logged, and pushes others back.
        """
        self._remark(peer, headers)
        address = self.addresses.client(peer, headers)
        await self.limits.admit(Resource.CONNECTIONS, "", address)
        return address

    def check_origin(self, headers: Headers) -> None:
        """Raises OriginRefused for a page in a browser from which nobody may connect."""
        origins = headers.get_all("Origin")  # more than one is nobody's
        check_origin(
            ", ".join(origins) if origins else None,
            ", ".join(headers.get_all("Host")),
            self.options.origins,
            development=self.authenticator.development,
        )

    async def identify(self, address: str, opening: Opening) -> Identity:
        """Whose opening it is. Raises RateLimited, or an error of the token's: TokenMissing, TokenInvalid,
        TokenExpired, ScopeMissing."""
        identity = self.authenticator.identify(opening.token, address)
        check_scopes(identity, opening.profile)
        await self.limits.admit(Resource.CONNECTIONS, identity.user, "")
        return identity

    def _remark(self, peer: str, headers: Headers) -> None:
        """Says once that limits see one client where there may be many."""
        if not self._remarked and (reason := self.addresses.doubt(peer, headers)):
            self._remarked = True
            log.warning(f"{reason}: all behind it count as one client", peer=peer)

    def check_page(self, request: Request) -> None:
        """Raises OriginRefused for a page of the server's that a strange web page could read: in development
        nothing else stands in its way."""
        if self.authenticator.development:
            check_host(", ".join(request.headers.get_all("Host")))

    def may_read_metrics(self, peer: str, request: Request) -> bool:
        """Whether this client may know how busy the server is."""
        return self.addresses.comes_from(self._metrics_from, peer, request.headers)

    async def settle(self, identity: Identity) -> None:
        """Uses up a token that works once. Raises TokenUsed or StoreUnavailable."""
        await self.authenticator.spend(identity)


def check_scopes(identity: Identity, profile: SessionProfile) -> None:
    """Raises ScopeMissing when the token does not allow such a session."""
    identity.scopes.check("rate", str(profile.rate))
    identity.scopes.check("format", profile.audio_format)
    identity.scopes.check("reply", profile.reply)
