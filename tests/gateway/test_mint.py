import jwt

from voicegw.gateway import keys
from voicegw.gateway.mint import Grant, mint

KEY = keys.load("a secret of thirty-two bytes or more", None).signer()


def claims(grant: Grant) -> dict[str, object]:
    read: dict[str, object] = jwt.decode(mint(grant, KEY), KEY.checking, audience=grant.audience)
    return read


def test_says_who_for_whom_and_how_long() -> None:
    said = claims(Grant("alice", audience="here", valid_s=7))
    assert (said["sub"], said["aud"]) == ("alice", "here")
    assert int(str(said["exp"])) - int(str(said["iat"])) == 7
    assert said.keys() == {"sub", "aud", "exp", "iat"}


def test_narrows_by_scopes() -> None:
    assert claims(Grant("alice", scopes=("rate:8000", "reply:none")))["scope"] == "rate:8000 reply:none"


def test_tokens_for_one_use_are_told_apart() -> None:
    assert claims(Grant("alice", once=True))["jti"] != claims(Grant("alice", once=True))["jti"]
