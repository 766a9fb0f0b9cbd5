import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import Authenticator, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.auth.token_issuer import Claims, issue_token

SECRET = "a secret of thirty-two bytes or more"
KEY = keys.load(SECRET, None).signer()
ACCESS = Path(__file__).parents[3] / "scripts/deploy/access.md"


def decoded(claims: Claims) -> dict[str, object]:
    read: dict[str, object] = jwt.decode(issue_token(claims, KEY), KEY.checking, audience=claims.audience)
    return read


def test_a_token_states_user_audience_and_expiry() -> None:
    payload = decoded(Claims("alice", audience="here", valid_s=7))
    assert (payload["sub"], payload["aud"]) == ("alice", "here")
    assert int(str(payload["exp"])) - int(str(payload["iat"])) == 7
    assert payload.keys() == {"sub", "aud", "exp", "iat"}


def test_a_token_states_its_scopes() -> None:
    assert decoded(Claims("alice", scopes=("rate:8000", "reply:none")))["scope"] == "rate:8000 reply:none"


def test_single_use_tokens_have_different_ids() -> None:
    assert decoded(Claims("alice", once=True))["jti"] != decoded(Claims("alice", once=True))["jti"]


def test_the_example_in_the_readme_issues_a_valid_token(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"<!-- issue token -->\n```python\n(.*?)```", ACCESS.read_text(), re.DOTALL)
    assert found is not None
    monkeypatch.setenv("VOICEGW_TOKENS__SECRET", SECRET)
    application: dict[str, Any] = {}
    exec(found[1], application)
    authenticator = Authenticator(TokenOptions(secret=SECRET), LocalReplayCache())
    assert authenticator.identify(application["voice_token"]("alice"), "").user == "alice"
