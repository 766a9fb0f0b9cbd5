"""Verifies that a call comes from Vonage: its request has a JSON Web Token, signed by the signature secret of
the account, in the header `Authorization` (Vonage's documentation, "Signed webhooks")."""

from dataclasses import dataclass

import jwt

from voicegw.core.options import option
from voicegw.errors import SignatureInvalid

_ALGORITHM = "HS256"
_LEEWAY_S = 30


@dataclass(frozen=True, slots=True)
class VonageOptions:
    """Which calls of Vonage are accepted."""

    signature_secret: str | None = option(
        None, "signature secret of the only Vonage account that may call; not for a command line", secret=True
    )


def check_signature(options: VonageOptions, token: str | None) -> None:
    """Raises SignatureInvalid when a signature is required and `token`, of the header, is none."""
    if options.signature_secret is None:
        return
    if token is None:
        raise SignatureInvalid("not signed by Vonage: set `authorization` of the NCCO to {'type': 'vonage'}")
    try:
        jwt.decode(
            token,
            options.signature_secret,
            algorithms=[_ALGORITHM],
            leeway=_LEEWAY_S,
            options={"verify_aud": False},
        )
    except (jwt.PyJWTError, ValueError) as error:
        raise SignatureInvalid("not signed with the signature secret of the Vonage account") from error
