import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import Authenticator, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.auth.token_issuer import Claims, mint

SECRET = "a secret of thirty-two bytes or more"
KEY = keys.load(SECRET, None).signer()
README = Path(__file__).parents[3] / "README.md"


def claims(grant: Claims) -> dict[str, object]:
    read: dict[str, object] = jwt.decode(mint(grant, KEY), KEY.checking, audience=grant.audience)
    return read


def test_says_who_for_whom_and_how_long() -> None:
    said = claims(Claims("alice", audience="here", valid_s=7))
    assert (said["sub"], said["aud"]) == ("alice", "here")
    assert int(str(said["exp"])) - int(str(said["iat"])) == 7
    assert said.keys() == {"sub", "aud", "exp", "iat"}


def test_narrows_by_scopes() -> None:
    assert claims(Claims("alice", scopes=("rate:8000", "reply:none")))["scope"] == "rate:8000 reply:none"


def test_tokens_for_one_use_are_told_apart() -> None:
    assert claims(Claims("alice", once=True))["jti"] != claims(Claims("alice", once=True))["jti"]


def test_the_lines_in_the_readme_make_a_good_token(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"<!-- mint -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    monkeypatch.setenv("VOICEGW_TOKENS__SECRET", SECRET)
    application: dict[str, Any] = {}
    exec(found[1], application)
    door = Authenticator(TokenOptions(secret=SECRET), LocalReplayCache())
    assert door.identify(application["voice_token"]("alice"), "").user == "alice"
