"""The command as its user meets it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from tests.observing import PATIENCE_S
from tests.test_cli import COMMAND, SECRET, assert_refused
from voicegw.cli import main
from voicegw.gateway.auth import signing_keys as keys

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: each process takes a second of imports."""

    def run(*arguments: str) -> Ran:
        status = main(["token", *arguments])
        return Ran(arguments, status, *capsys.readouterr())

    return run


def test_help_of_token_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "--help"])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert all(
        word in output
        for word in (
            *("--user", "--new-key", "VOICEGW_TOKENS__SECRET", "--scope", "SIGHUP"),
            *("--token-keys FILE", "--tokens.audience", "--config FILE"),
        )
    )


def test_makes_tokens_that_the_server_takes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    [(variable, secret)] = SECRET.items()
    monkeypatch.setenv(variable, secret)
    made = run(
        *("--user", "alice", "--once", "--scope", "rate:8000", "--valid-s", "9"),
        *("--session", '{"voice": "en-gb"}'),
    ).stdout
    key = keys.load(secret, None).find(None)
    claims = jwt.decode(made.strip(), key, audience="voicegw")
    assert (claims["sub"], claims["scope"], claims["exp"] - claims["iat"]) == ("alice", "rate:8000", 9)
    assert claims["jti"]
    assert claims["session"] == {"voice": "en-gb"}


def test_makes_keys_and_shows_gateways_their_public_half(run: Run, tmp_path: Path) -> None:
    private, public = tmp_path / "signing.json", tmp_path / "keys.json"
    private.write_text(run("--new-key", "EdDSA", "--kid", "k").stdout)
    public.write_text(run("--public", str(private)).stdout)
    assert '"d"' not in public.read_text()
    made = run("--user", "alice", "--token-keys", str(private)).stdout.strip()
    key = keys.load(None, str(public)).find("k")
    assert jwt.decode(made, key, audience="voicegw")["sub"] == "alice"
    assert_refused(run("--user", "alice", "--token-keys", str(public)), str(public))


def test_a_file_with_a_new_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "signing.json"
    with path.open("w") as printed:  # as the shell does for `> signing.json`
        path.chmod(0o644)
        subprocess.run(
            [*COMMAND, "token", "--new-key", "EdDSA"], stdout=printed, timeout=PATIENCE_S, check=True
        )
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load(None, str(path)).signer().signing is not None


def test_a_token_takes_a_key_to_sign_with(run: Run) -> None:
    assert_refused(run("--user", "alice"), "--token-keys", "VOICEGW_TOKENS__SECRET")


def test_a_mistyped_flag_is_answered_in_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "--user", "alice", "--bogus"])
    assert ended.value.code == 2
    assert "voicegw token: error: unrecognized arguments: --bogus" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--scope", "rates:8000"], "rate, format, reply"),
        (["--scope", "rate"], "8000, 16000"),
        (["--scope", "rate:8001"], "8000, 16000"),
        (["--scope", "format:mp3"], "pcm_s16le, mulaw, alaw"),
        (["--scope", "rate:8000 reply:loud"], "reply:loud"),
        (["--valid-s", "0"], "--valid-s"),
        (["--valid-s", "3601"], "tokens.max_ttl_s"),
        (["--valid-s", "61", "--tokens.max-ttl-s", "60"], "1 to 60 s"),
        (["--user", ""], "--user"),
        (["--user", "a" * 129], "--user"),
        (["--tokens.single-use", "always"], "--once"),
        (["--session", '{"mood": "good"}'], "mood"),
        (["--session", '{"tools": 3}'], "tools"),
    ],
)
def test_a_token_that_would_be_refused_or_allow_too_much_is_not_made(
    flags: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICEGW_TOKENS__SECRET", SECRET["VOICEGW_TOKENS__SECRET"])
    assert main(["token", "--user", "alice", *flags]) == 1
    output = capsys.readouterr()
    assert named in output.err
    assert not output.out
