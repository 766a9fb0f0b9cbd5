"""Authentication: a signed token gives the identity of a client, to which limits and scopes apply.

Tokens are JSON Web Tokens (RFC 7519) with an audience (`aud`), a subject (`sub`: the user) and an expiry
(`exp`); `nbf` is checked, `scope` restricts what the session may use, `session` sets its properties, and a
token with a `jti` opens one session only. A token must be valid when the session begins. The session may last
`session_ttl_s`, also beyond the expiry of the token, and longer if the client sends a new token of the same
user (`refresh`).

This module never logs, quotes or stores a token.
"""

import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import jwt
import msgspec

from voicegw.core.commands import Configure
from voicegw.core.options import option
from voicegw.core.profile import MAX_INSTRUCTIONS_CHARACTERS, MAX_TOOLS, VOICE_NAME, given
from voicegw.errors import (
    ConfigurationError,
    InvalidParameter,
    InvalidState,
    ScopeMissing,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    TokensNotIssued,
    TokenUsed,
)
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.replay_cache import LocalReplayCache, ReplayCache
from voicegw.gateway.auth.token_issuer import Claims, issue_token

_LEEWAY_S = 5  # allowed difference of clocks
_REPLAY_MARGIN_S = 60  # added to the time a used token is remembered: other clocks may be late
_REQUIRED = ("aud", "sub", "exp")
MAX_USER_CHARACTERS = 128
CLIENT_SECRET_PREFIX = "ek_"  # of tokens that a gateway has issued, as OpenAI writes them
ISSUE = ("issue", "tokens")  # the scope that allows to have tokens issued


class SingleUse(StrEnum):
    """Which tokens are single-use."""

    MARKED = "marked"  # those with a `jti`
    ALWAYS = "always"  # all: a token without a `jti` is refused
    NEVER = "never"  # none, for issuers that put a `jti` into everything


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """Which tokens are accepted. Without secret and keys, every client on this machine, and no other."""

    secret: str | None = option(
        None, "secret that signs tokens (HS256), 32 bytes or more; not for a command line", secret=True
    )
    keys: str | None = option(None, "JSON Web Key Set file with the keys that tokens are signed with")
    audience: str = option("voicegw", "`aud` that a token must have")
    max_ttl_s: int = option(3_600, "longest remaining validity of a token", ge=1)
    session_ttl_s: int = option(3_600, "time after which a session needs a new token", ge=1)
    single_use: SingleUse = option(
        SingleUse.MARKED, "which tokens open one session only: marked (by `jti`), always, never"
    )

    @property
    def enabled(self) -> bool:
        return self.secret is not None or self.keys is not None


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a token allows: values by kind, as in `rate:8000 reply:text`. Other kinds are unrestricted."""

    allowed: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Scopes":
        """The scopes of a `scope` claim; entries without a colon belong to other services."""
        pairs = (entry.partition(":") for entry in text.split())
        return cls(tuple((kind, value) for kind, colon, value in pairs if colon))

    def check(self, kind: str, value: str) -> None:
        """Raises ScopeMissing unless `value` may be used."""
        named = [each for of, each in self.allowed if of == kind]
        if named and value not in named:
            raise ScopeMissing(f"this token does not allow {kind} {value}")

    def check_granted(self, kind: str, value: str) -> None:
        """The same for a right that a token has only if it names it."""
        if (kind, value) not in self.allowed:
            raise ScopeMissing(f"this token does not allow {kind} {value}: it needs the scope {kind}:{value}")

    def without(self, kind: str) -> "Scopes":
        """These scopes without those of a kind."""
        return Scopes(tuple((of, value) for of, value in self.allowed if of != kind))


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a client. user: empty in development mode. expires_at: monotonic seconds.

    token: the id of a single-use token and the seconds for which it must be remembered; None for a reusable
    token. fixed: session properties that the token sets; the client cannot change them.
    """

    user: str
    address: str
    scopes: Scopes = Scopes()
    expires_at: float = math.inf
    token: tuple[str, float] | None = None
    fixed: Configure = field(default_factory=Configure)


class _Session(msgspec.Struct, forbid_unknown_fields=True):
    """The claim `session`."""

    instructions: Annotated[str, msgspec.Meta(max_length=MAX_INSTRUCTIONS_CHARACTERS)] | None = None
    tools: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_TOOLS)] | None = None
    voice: Annotated[str, msgspec.Meta(pattern=VOICE_NAME)] | None = None
    language: Annotated[str, msgspec.Meta(max_length=8)] | None = None


class _Claims(msgspec.Struct):
    """The claims that are read from a token with a valid signature."""

    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_USER_CHARACTERS)]
    exp: Annotated[float, msgspec.Meta(gt=0, lt=1e12)]
    scope: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    jti: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    session: _Session = msgspec.field(default_factory=_Session)


class Authenticator:
    """replay_cache: remembers used single-use tokens, for one gateway or for several."""

    def __init__(self, options: TokenOptions, replay_cache: ReplayCache) -> None:
        self._options = options
        self._replay_cache = replay_cache
        self._refused = LocalReplayCache()  # tokens that were used before
        self.paths = () if options.keys is None else (options.keys,)
        self.reload()

    @property
    def development(self) -> bool:
        """Whether no token is required, because neither a secret nor keys are configured."""
        return not self._options.enabled

    @property
    def session_ttl_s(self) -> float:
        """How long a session may last on one token."""
        return math.inf if self.development else self._options.session_ttl_s

    def reload(self) -> None:
        """Reads the keys again. Raises ConfigurationError, and then keeps the previous keys."""
        self._keys = keys.load(self._options.secret, self._options.keys)

    def identify(self, token: str | None, address: str) -> Identity:
        """The identity that a token states. Raises TokenMissing, TokenExpired or TokenInvalid."""
        if self.development:
            return Identity("", address)
        if not token:
            raise TokenMissing
        claims = self._claims(token.removeprefix(CLIENT_SECRET_PREFIX))
        if claims.exp - time.time() > self._options.max_ttl_s + _LEEWAY_S:
            raise TokenInvalid(f"valid for longer than the allowed {self._options.max_ttl_s} s")
        return Identity(
            claims.sub,
            address,
            Scopes.parse(claims.scope),
            time.monotonic() + self._options.session_ttl_s,
            self._token(claims),
            Configure(**msgspec.structs.asdict(claims.session)),
        )

    def check_may_issue(self, identity: Identity) -> None:
        """Raises ScopeMissing when the token does not allow to have tokens issued."""
        if not self.development:
            identity.scopes.check_granted(*ISSUE)

    def issue(self, identity: Identity, valid_s: int, session: Mapping[str, object]) -> tuple[str, int]:
        """A new token of the same user and with the same scopes, except that to issue tokens; and its expiry
        in Unix time. Raises ScopeMissing, TokensNotIssued, and InvalidParameter for an invalid `session`.

        session: as the claim `session`; what the token of `identity` fixes stays.
        """
        if self.development:  # any token is accepted
            return f"{CLIENT_SECRET_PREFIX}{secrets.token_urlsafe(24)}", int(time.time()) + valid_s
        self.check_may_issue(identity)
        try:
            key = self._keys.signer()
        except ConfigurationError:
            raise TokensNotIssued from None
        claims = Claims(
            identity.user,
            self._options.audience,
            min(valid_s, self._options.max_ttl_s),
            tuple(f"{kind}:{value}" for kind, value in identity.scopes.without(ISSUE[0]).allowed),
            self._options.single_use is SingleUse.ALWAYS,
            {**session, **given(identity.fixed)},
        )
        try:
            msgspec.convert(claims.session, _Session)
        except msgspec.ValidationError as error:
            raise InvalidParameter(f"session: {error}") from None
        token = issue_token(claims, key)
        return f"{CLIENT_SECRET_PREFIX}{token}", int(time.time()) + claims.valid_s

    async def consume(self, identity: Identity) -> None:
        """Consumes a single-use token. Raises TokenUsed if it was used before, or StoreUnavailable."""
        if identity.token is not None and not await self._replay_cache.consume(*identity.token):
            await self._refused.consume(*identity.token)
            raise TokenUsed

    def check_unused(self, identity: Identity) -> None:
        """Raises TokenUsed if `consume` has raised it for this token before; does not consume the token."""
        if identity.token is not None and self._refused.holds(identity.token[0]):
            raise TokenUsed

    def renewed(self, identity: Identity, token: str) -> Identity:
        """The identity with a new token of the same user; does not consume the token. Raises as `identify`
        does, and InvalidState in development mode."""
        if self.development:
            raise InvalidState("this server requires no token")
        renewed = self.identify(token, identity.address)
        if renewed.user != identity.user:
            raise TokenInvalid("for another user than the user of the session")
        return renewed

    def _token(self, claims: _Claims) -> tuple[str, float] | None:
        if self._options.single_use is SingleUse.NEVER:
            return None
        if claims.jti is None:
            if self._options.single_use is SingleUse.ALWAYS:
                raise TokenInvalid("without a `jti`; this server accepts single-use tokens only")
            return None
        lives_s = max(0.0, claims.exp - time.time()) + _LEEWAY_S + _REPLAY_MARGIN_S
        return f"{claims.sub}/{claims.jti}", lives_s

    def _claims(self, token: str) -> _Claims:
        try:
            key = self._keys.find(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                audience=self._options.audience,
                leeway=_LEEWAY_S,
                options={"require": list(_REQUIRED)},
            )
            known = msgspec.convert(claims, _Claims)
            msgspec.json.encode(known)  # raises ValueError for half a surrogate pair
            return known
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except jwt.ImmatureSignatureError:
            raise TokenInvalid("not valid yet") from None
        except jwt.InvalidAudienceError:
            raise TokenInvalid("for another audience") from None
        except jwt.MissingRequiredClaimError as error:
            raise TokenInvalid(f"without {error.claim!r}") from None
        except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, TypeError, ArithmeticError, RecursionError):
            raise TokenInvalid from None  # the cause could quote the token


def check_session(claim: object) -> None:
    """Raises ConfigurationError for an invalid claim `session`."""
    try:
        msgspec.convert(claim, _Session)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"--session: {error}") from None
