"""The command as its user meets it."""

from pathlib import Path

import jwt
import pytest

from tests.test_cli import SECRET, assert_refused, run
from voicegw.cli import main
from voicegw.gateway import keys


def test_help_of_token_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert all(
        word in output for word in ("--user", "--new-key", "VOICEGW_TOKENS__SECRET", "--scope", "SIGHUP")
    )


def test_makes_tokens_that_the_server_takes() -> None:
    made = run(
        "token", "--user", "alice", "--once", "--scope", "rate:8000", "--valid-s", "9", **SECRET
    ).stdout
    key = keys.load(SECRET["VOICEGW_TOKENS__SECRET"], None).find(None)
    claims = jwt.decode(made.strip(), key, audience="voicegw")
    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == ("alice", "rate:8000", 9)
    assert claims["jti"]


def test_makes_keys_and_shows_gateways_their_public_half(tmp_path: Path) -> None:
    private, public = tmp_path / "signing.json", tmp_path / "keys.json"
    private.write_text(run("token", "--new-key", "EdDSA", "--kid", "k").stdout)
    public.write_text(run("token", "--public", str(private)).stdout)
    assert '"d"' not in public.read_text()
    made = run("token", "--user", "alice", "--token-keys", str(private)).stdout.strip()
    key = keys.load(None, str(public)).find("k")
    assert jwt.decode(made, key, audience="voicegw")["sub"] == "alice"
    assert_refused(run("token", "--user", "alice", "--token-keys", str(public)), "no key to sign with")


def test_a_token_takes_a_key_to_sign_with() -> None:
    assert_refused(run("token", "--user", "alice"), "--token-keys", "VOICEGW_TOKENS__SECRET")
