"""Access control of a client: its address, the origin of its page, its token and its limits."""

from dataclasses import dataclass, field

import structlog
from websockets.datastructures import Headers
from websockets.http11 import Request

from voicegw.core.options import option
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Opening
from voicegw.gateway.auth.authenticator import Authenticator, Identity, TokenOptions
from voicegw.gateway.auth.client_address import ClientAddresses, ProxyOptions, networks
from voicegw.gateway.auth.origin import check_host, check_origin
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.limits.rate_limits import LimitOptions, Limits, Resource
from voicegw.telemetry import Metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """The addresses and origins from which clients may connect."""

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
    """The access rules. Callers apply cheap checks first, and checks that consume something last."""

    def __init__(self, options: AccessOptions, authenticator: Authenticator, limits: Limits) -> None:
        self.options = options
        self.authenticator = authenticator
        self.limits = limits
        self._warned = False
        self._metrics_from = networks(options.metrics_from)
        self.addresses = ClientAddresses(
            options.proxy if options.behind_proxy else None, limits.options.exempt
        )

    @classmethod
    def development(cls, metrics: Metrics) -> "Access":
        """Everybody on this machine, without a token."""
        authenticator = Authenticator(TokenOptions(), LocalReplayCache())
        return cls(AccessOptions(), authenticator, Limits(LimitOptions(), metrics))

    async def count(self, peer: str, headers: Headers) -> str:
        """Counts one connection; returns the address for which limits apply. Raises RateLimited.

        It is called before every other check: refusals are logged and delay other clients, so they are
        limited too.
        """
        self._warn_if_shared(peer, headers)
        address = self.addresses.client(peer, headers)
        await self.limits.admit(Resource.CONNECTIONS, "", address)
        return address

    def check_origin(self, headers: Headers) -> None:
        """Raises OriginRefused for a browser page whose origin may not connect."""
        origins = headers.get_all("Origin")  # more than one matches no allowed origin
        check_origin(
            ", ".join(origins) if origins else None,
            ", ".join(headers.get_all("Host")),
            self.options.origins,
            development=self.authenticator.development,
        )

    async def identify(self, address: str, opening: Opening) -> Identity:
        """The identity of the client. Raises RateLimited, or a token error: TokenMissing, TokenInvalid,
        TokenExpired or ScopeMissing."""
        identity = self.authenticator.identify(opening.token, address)
        check_scopes(identity, opening.profile)
        await self.limits.admit(Resource.CONNECTIONS, identity.user, "")
        return identity

    async def authenticate(self, address: str, token: str | None) -> Identity:
        """As `identify`, for a request that opens no session."""
        identity = self.authenticator.identify(token, address)
        await self.limits.admit(Resource.CONNECTIONS, identity.user, "")
        return identity

    def _warn_if_shared(self, peer: str, headers: Headers) -> None:
        """Logs once that many clients may share one address, and so one limit."""
        if not self._warned and (reason := self.addresses.shared_reason(peer, headers)):
            self._warned = True
            log.warning(f"{reason}: all its clients count as one", peer=peer)

    def check_page(self, request: Request) -> None:
        """Raises OriginRefused when another web page could read this HTTP page by DNS rebinding. Only checked
        in development mode, where no token is required."""
        if self.authenticator.development:
            check_host(", ".join(request.headers.get_all("Host")))

    def may_read_metrics(self, peer: str, request: Request) -> bool:
        """Whether this client may read /metrics."""
        return self.addresses.is_listed(self._metrics_from, peer, request.headers)

    def check_unused(self, identity: Identity) -> None:
        """Raises TokenUsed for a single-use token that this gateway has refused as used."""
        self.authenticator.check_unused(identity)

    async def consume_token(self, identity: Identity) -> None:
        """Consumes a single-use token. Raises TokenUsed or StoreUnavailable."""
        await self.authenticator.consume(identity)


def check_scopes(identity: Identity, profile: SessionProfile) -> None:
    """Raises ScopeMissing when the token does not allow such a session."""
    identity.scopes.check("rate", str(profile.rate))
    identity.scopes.check("format", profile.audio_format)
    identity.scopes.check("reply", profile.reply)
