"""Who is calling: a signed token at the upgrade becomes an identity, which limits and scopes go by.

Tokens are JSON Web Tokens (RFC 7519) with an audience (`aud`), a subject (`sub`: the user) and an expiry
(`exp`); `nbf` is honoured, `scope` narrows what the session may use, `session` says what it is like, and a
token with a `jti` opens one session only. A token has to be valid when the session begins. The session may
outlive it, for `session_ttl_s`, and for longer if the client shows a new one of the same user's (`refresh`).

Nothing here logs, quotes or keeps a token.
"""

import math
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import jwt
import msgspec

from voicegw.core.commands import Configure
from voicegw.core.options import option
from voicegw.core.profile import MAX_INSTRUCTIONS_CHARACTERS, MAX_TOOLS, VOICE_NAME
from voicegw.errors import (
    ConfigurationError,
    InvalidState,
    ScopeMissing,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    TokenUsed,
)
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.replay_cache import ReplayCache

_LEEWAY_S = 5  # by which clocks may differ
_SPENT_SLACK_S = 60  # how much longer a used token is remembered: other gateways' clocks may be behind
_REQUIRED = ("aud", "sub", "exp")
MAX_USER_CHARACTERS = 128


class SingleUse(StrEnum):
    """Which tokens open one session only."""

    MARKED = "marked"  # those with a `jti`
    ALWAYS = "always"  # all: a token without a `jti` is refused
    NEVER = "never"  # none, for issuers that put a `jti` into everything


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """Who gets in. Without a secret and without keys, anyone on this machine, and nobody else."""

    secret: str | None = field(
        default=None,
        repr=False,
        metadata={
            "description": "secret that signs tokens (HS256), 32 bytes or more; not for a command line"
        },
    )
    keys: str | None = option(None, "JSON Web Key Set file with the keys that tokens are signed with")
    audience: str = option("voicegw", "`aud` that a token must have")
    max_ttl_s: int = option(3_600, "longest time that a token may still be valid for", ge=1)
    session_ttl_s: int = option(3_600, "time after which a session needs a new token", ge=1)
    single_use: SingleUse = option(
        SingleUse.MARKED, "tokens that work once: marked (by `jti`), always, never"
    )

    @property
    def enabled(self) -> bool:
        return self.secret is not None or self.keys is not None


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a token allows: values by kind, as in `rate:8000 reply:text`. A kind it does not name is free."""

    allowed: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Scopes":
        """The scopes of a `scope` claim; entries without a colon are some other service's."""
        pairs = (entry.partition(":") for entry in text.split())
        return cls(tuple((kind, value) for kind, colon, value in pairs if colon))

    def check(self, kind: str, value: str) -> None:
        """Raises ScopeMissing unless `value` may be used."""
        named = [each for of, each in self.allowed if of == kind]
        if named and value not in named:
            raise ScopeMissing(f"this token does not allow {kind} {value}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is at the other end. user: empty in development mode. expires_at: monotonic seconds.

    token: what makes the token unique, and for how many seconds it has to be remembered; None if it may be
    shown again. fixed: what the token says that the session is like; its client cannot change that.
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
    """What is read of a token's claims, after its signature was found to be right."""

    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_USER_CHARACTERS)]
    exp: Annotated[float, msgspec.Meta(gt=0, lt=1e12)]
    scope: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    jti: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None
    session: _Session = msgspec.field(default_factory=_Session)


class Authenticator:
    """`spent` remembers the single-use tokens that were shown, on one machine or for many."""

    def __init__(self, options: TokenOptions, spent: ReplayCache) -> None:
        self._options = options
        self._spent = spent
        self.paths = () if options.keys is None else (options.keys,)
        self.reload()

    @property
    def development(self) -> bool:
        """Whether anyone gets in, because nobody said which tokens are good."""
        return not self._options.enabled

    @property
    def session_ttl_s(self) -> float:
        """How long a session may last on one token."""
        return math.inf if self.development else self._options.session_ttl_s

    def reload(self) -> None:
        """Reads the keys again. Raises ConfigurationError, and goes on with those it had."""
        self._keys = keys.load(self._options.secret, self._options.keys)

    def identify(self, token: str | None, address: str) -> Identity:
        """Whose token it is. Raises TokenMissing, TokenExpired or TokenInvalid."""
        if self.development:
            return Identity("", address)
        if not token:
            raise TokenMissing
        claims = self._claims(token)
        if claims.exp - time.time() > self._options.max_ttl_s + _LEEWAY_S:
            raise TokenInvalid(f"valid for longer than the {self._options.max_ttl_s} s that are allowed here")
        return Identity(
            claims.sub,
            address,
            Scopes.parse(claims.scope),
            time.monotonic() + self._options.session_ttl_s,
            self._token(claims),
            Configure(**msgspec.structs.asdict(claims.session)),
        )

    async def spend(self, identity: Identity) -> None:
        """Uses up a token that works once. Raises TokenUsed if it was shown before, StoreUnavailable."""
        if identity.token is not None and not await self._spent.spend(*identity.token):
            raise TokenUsed

    def renewed(self, identity: Identity, token: str) -> Identity:
        """The same user with a new token, which is not used up yet. Raises as `identify` does, and
        InvalidState in development mode."""
        if self.development:
            raise InvalidState("no token is asked for here")
        renewed = self.identify(token, identity.address)
        if renewed.user != identity.user:
            raise TokenInvalid("for another user than the session's")
        return renewed

    def _token(self, claims: _Claims) -> tuple[str, float] | None:
        if self._options.single_use is SingleUse.NEVER:
            return None
        if claims.jti is None:
            if self._options.single_use is SingleUse.ALWAYS:
                raise TokenInvalid("without a `jti`; only tokens for one use are taken here")
            return None
        lives_s = max(0.0, claims.exp - time.time()) + _LEEWAY_S + _SPENT_SLACK_S
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
            msgspec.json.encode(known)  # half a surrogate pair is a ValueError
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
            raise TokenInvalid from None  # the cause could quote it


def check_session(claim: object) -> None:
    """Raises ConfigurationError for a claim `session` that no gateway takes."""
    try:
        msgspec.convert(claim, _Session)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"--session: {error}") from None
