"""Issues tokens for `voicegw token` and for tests; an application can use any JWT library."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt

from voicegw.gateway.auth.signing_keys import Key


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token. scopes: such as `rate:8000`; none for no restriction. once: single-use.
    session: properties that the client cannot change: `instructions`, `tools`, `voice`, `language`."""

    user: str
    audience: str = "voicegw"
    valid_s: int = 60
    scopes: tuple[str, ...] = ()
    once: bool = False
    session: Mapping[str, object] = field(default_factory=dict)


def issue_token(claims: Claims, key: Key) -> str:
    """A token with these claims, signed with `key`, valid from now."""
    now = int(time.time())
    payload: dict[str, object] = {
        "aud": claims.audience,
        "sub": claims.user,
        "iat": now,
        "exp": now + claims.valid_s,
    }
    if claims.scopes:
        payload["scope"] = " ".join(claims.scopes)
    if claims.once:
        payload["jti"] = secrets.token_urlsafe(12)
    if claims.session:
        payload["session"] = dict(claims.session)
    assert key.signing is not None, "signer() returns keys that can sign"
    headers = None if key.kid is None else {"kid": key.kid}
    return jwt.encode(payload, key.signing.key, algorithm=key.algorithm, headers=headers)
