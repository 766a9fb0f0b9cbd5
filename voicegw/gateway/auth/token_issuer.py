"""Making tokens, for `voicegw token` and for tests; an application does it with any JWT library."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt

from voicegw.gateway.auth.signing_keys import Key


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. scopes: such as `rate:8000`; none for everything. once: it opens one session.
    session: what that is like, and its client cannot change: `instructions`, `tools`, `voice`, `language`."""

    user: str
    audience: str = "voicegw"
    valid_s: int = 60
    scopes: tuple[str, ...] = ()
    once: bool = False
    session: Mapping[str, object] = field(default_factory=dict)


def mint(grant: Claims, key: Key) -> str:
    """A token for `grant`, signed with `key`, valid from now."""
    now = int(time.time())
    claims: dict[str, object] = {
        "aud": grant.audience,
        "sub": grant.user,
        "iat": now,
        "exp": now + grant.valid_s,
    }
    if grant.scopes:
        claims["scope"] = " ".join(grant.scopes)
    if grant.once:
        claims["jti"] = secrets.token_urlsafe(12)
    if grant.session:
        claims["session"] = dict(grant.session)
    assert key.signing is not None, "signer() gives keys that can sign"
    headers = None if key.kid is None else {"kid": key.kid}
    return jwt.encode(claims, key.signing.key, algorithm=key.algorithm, headers=headers)
