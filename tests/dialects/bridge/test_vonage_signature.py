import time
from typing import Any

import jwt
import pytest
from vonage_jwt import verify_signature
from websockets.datastructures import Headers

from voicegw.dialects.bridge import BridgeDialect, VonageOptions
from voicegw.dialects.bridge.vonage_signature import check_signature
from voicegw.dialects.port import Codec, Handshake, Opening
from voicegw.errors import SignatureInvalid

SECRET = "the signature secret of the account, 50 characters"
OTHER = "the signature secret of another account, 50 chars."
SIGNED = VonageOptions(SECRET)
CONNECTED = '{"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}'


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as Vonage sends it."""
    usual = {"iat": int(time.time()), "jti": "1", "iss": "Vonage", "api_key": "abcd", "application_id": "1"}
    return jwt.encode({**usual, **claims}, secret, algorithm=algorithm)


def headers(authorization: str | None) -> Headers:
    return Headers({} if authorization is None else {"Authorization": authorization})


def call(of_request: Headers, path: str = "/bridge") -> Codec:
    return BridgeDialect(SIGNED).connect(Handshake(path, "rate=8000", of_request))


def test_a_token_that_vonages_own_package_accepts_is_accepted() -> None:
    token = signed()
    assert verify_signature(token, SECRET)
    check_signature(SIGNED, token)


def test_a_token_that_vonages_own_package_refuses_is_refused() -> None:
    token = signed(OTHER)
    assert not verify_signature(token, SECRET)
    with pytest.raises(SignatureInvalid):
        check_signature(SIGNED, token)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer a.b.c",
        "Bearer é",
        f"Basic {signed()}",
        f"Bearer {signed(exp=1)}",
        f"Bearer {signed(iat=time.time() + 3600)}",
        f"Bearer {signed(secret='', algorithm='none')}",
        f"Bearer {signed()[:-4]}AAAA",
    ],
)
def test_any_other_request_is_refused(authorization: str | None) -> None:
    with pytest.raises(SignatureInvalid) as refused:
        list(call(headers(authorization)).receive(CONNECTED))
    assert SECRET not in refused.value.message
    assert SECRET not in repr(SIGNED)


def test_without_a_secret_no_signature_is_required() -> None:
    check_signature(VonageOptions(), None)


def test_only_calls_of_vonage_must_be_signed() -> None:
    [opening] = call(headers(None)).receive(b"\0\0")
    assert isinstance(opening, Opening)


def test_the_signature_is_not_taken_for_a_token_of_this_server() -> None:
    [opening] = call(headers(f"Bearer {signed()}"), "/bridge/a.b.c").receive(CONNECTED)
    assert isinstance(opening, Opening)
    assert opening.token == "a.b.c"
