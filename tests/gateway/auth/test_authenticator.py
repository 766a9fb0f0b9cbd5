"""Tokens, as objects and in the handshake of a real server."""

import base64
import hmac
import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.gateway.fakes import Gate, Stage, staged
from tests.observing import until
from tests.peer import joined
from voicegw.errors import ScopeMissing, TokenExpired, TokenInvalid, TokenMissing, TokenUsed, VoicegwError
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import Authenticator, Scopes, SingleUse, TokenOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.gateway.auth.signing_keys import Algorithm
from voicegw.gateway.auth.token_issuer import Claims, issue_token

SECRET = "a secret of thirty-two bytes or more"
OPTIONS = TokenOptions(secret=SECRET)


def token(*, key: str = SECRET, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """Good for longer than all tests take, but for what is given; a claim of None is left out."""
    whole = {"aud": "voicegw", "sub": "alice", "exp": time.time() + 1_800} | claims
    said = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(said, key, algorithm="HS256", headers=headers)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    """A token that nobody signed."""
    claims = {"aud": "voicegw", "sub": "alice", "exp": time.time() + 1_800}
    return ".".join([*(encoded(json.dumps(part).encode()) for part in (header, claims)), signature])


def forged(kid: str, known: bytes) -> str:
    """A token signed by HMAC with something that everyone knows; jwt.encode would not do that."""
    signed = unsigned({"alg": "HS256", "kid": kid}).removesuffix(".")
    return f"{signed}.{encoded(hmac.digest(known, signed.encode(), 'sha256'))}"


def authenticator(**options: Any) -> Authenticator:
    return Authenticator(TokenOptions(**{"secret": SECRET, **options}), LocalReplayCache())


def error_of(text: str, checking: Authenticator | None = None) -> VoicegwError:
    with pytest.raises(VoicegwError) as refused:
        (checking or authenticator()).identify(text, "")
    assert len(text) < 10 or text not in refused.value.message
    return refused.value


def test_a_good_token_says_who_it_is_and_until_when() -> None:
    identity = authenticator(session_ttl_s=100).identify(token(scope="rate:8000 openid"), "203.0.113.7")
    assert (identity.user, identity.address) == ("alice", "203.0.113.7")
    assert identity.scopes == Scopes((("rate", "8000"),))
    assert identity.expires_at == pytest.approx(time.monotonic() + 100, abs=5)
    assert identity.token is None


def test_without_keys_anyone_gets_in_as_nobody() -> None:
    identity = Authenticator(TokenOptions(), LocalReplayCache()).identify(None, "")
    assert (identity.user, identity.expires_at) == ("", float("inf"))


def deep(name: str) -> str:
    """A token whose header has a member that is nested 100,000 deep."""
    header = f'{{"alg": "HS256", "{name}": {"[" * 100_000}{"]" * 100_000}}}'
    return f"{encoded(header.encode())}.e30.AA"


BAD = {
    "no token": ("", TokenMissing, ""),
    "nonsense": ("nonsense", TokenInvalid, ""),
    "another key's signature": (token(key="another secret of thirty-two bytes"), TokenInvalid, ""),
    "no signature": (token().rpartition(".")[0] + ".", TokenInvalid, ""),
    "another's signature": (
        f"{token().rpartition('.')[0]}.{token(sub='b').rpartition('.')[2]}",
        TokenInvalid,
        "",
    ),
    "alg none": (unsigned({"alg": "none"}), TokenInvalid, ""),
    "alg None, capitalised": (unsigned({"alg": "None"}, "AA"), TokenInvalid, ""),
    "no alg": (unsigned({}), TokenInvalid, ""),
    "a header that is nested deeply": (deep("x"), TokenInvalid, ""),
    "a kid that is nested deeply": (deep("kid"), TokenInvalid, ""),
    "an unknown key": (token(headers={"kid": "stranger"}), TokenInvalid, "key"),
    "a kid that is a path": (token(headers={"kid": "../../dev/null"}), TokenInvalid, "key"),
    "expired": (token(exp=time.time() - 60), TokenExpired, ""),
    "not valid yet": (token(nbf=time.time() + 1_200), TokenInvalid, "yet"),
    "another audience": (token(aud="elsewhere"), TokenInvalid, "audience"),
    "no audience": (token(aud=None), TokenInvalid, "'aud'"),
    "no expiry": (token(exp=None), TokenInvalid, "'exp'"),
    "no subject": (token(sub=None), TokenInvalid, "'sub'"),
    "an empty subject": (token(sub=""), TokenInvalid, ""),
    "a subject too long": (token(sub="x" * 129), TokenInvalid, ""),
    "an expiry that is none": (token(exp="soon"), TokenInvalid, ""),
    "valid for too long": (token(exp=time.time() + 7_200), TokenInvalid, "longer"),
    "half a character in the subject": (token(sub="alice\ud800"), TokenInvalid, ""),
    "half a character in the jti": (token(jti="\udc00"), TokenInvalid, ""),
    "half a character in the scope": (token(scope="rate:\ud800"), TokenInvalid, ""),
    "a scope that is no text": (token(scope=["rate:8000"]), TokenInvalid, ""),
    "a jti that is no text": (token(jti="x" * 129), TokenInvalid, ""),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_a_bad_token_is_refused(case: tuple[str, type[VoicegwError], str]) -> None:
    text, error, named = case
    refused = error_of(text)
    assert type(refused) is error
    assert named in refused.message


@pytest.mark.parametrize("algorithm", [Algorithm.RS256, Algorithm.EDDSA])
def test_a_public_key_is_no_shared_secret(algorithm: Algorithm, tmp_path: Path) -> None:
    """What everyone knows of a key pair cannot be used as if it were a secret."""
    entry = keys.generate(algorithm, "pair")
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [entry]}))
    checking = Authenticator(TokenOptions(keys=str(path)), LocalReplayCache())
    published = json.dumps(keys.public_keys(path)[0]).encode()
    for guess in (published, entry["x" if algorithm is Algorithm.EDDSA else "n"].encode()):
        assert isinstance(error_of(forged("pair", guess), checking), TokenInvalid)


def test_a_kid_does_not_lend_one_key_to_anothers_algorithm(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(
        json.dumps({"keys": [keys.generate(Algorithm.EDDSA, "a"), keys.generate(Algorithm.HS256, "b")]})
    )
    signer = keys.load(None, str(path)).signer("a")
    assert signer.signing is not None
    crossed = jwt.encode({"sub": "x"}, signer.signing.key, "EdDSA", headers={"kid": "b"})
    assert isinstance(
        error_of(crossed, Authenticator(TokenOptions(keys=str(path)), LocalReplayCache())), TokenInvalid
    )


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200))
def test_whatever_is_shown_is_a_good_token_or_refused(text: str) -> None:
    assert isinstance(error_of(text), TokenInvalid | TokenMissing)


GOOD = token(exp=int(time.time()) + 3_000)


@given(st.data())
def test_a_token_that_was_tampered_with_is_refused(data: st.DataObject) -> None:
    good = GOOD
    place = data.draw(st.integers(0, len(good) - 2))  # the last character has bits that do not count
    change = data.draw(st.sampled_from([char for char in "aZ09-_.{" if char != good[place]]))
    assert isinstance(error_of(good[:place] + change + good[place + 1 :]), TokenInvalid | TokenExpired)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists))
def test_claims_of_any_kind_are_read_or_refused(value: Any) -> None:
    for claim in ("exp", "nbf", "iat", "scope", "jti", "aud"):
        with suppress(TokenInvalid, TokenExpired):
            authenticator().identify(token(**{claim: value}), "")


async def test_a_token_for_one_use_works_once() -> None:
    checking = authenticator()
    for user, refused in (("alice", False), ("alice", True), ("bob", False)):
        identity = checking.identify(token(sub=user, jti="1"), "")
        if refused:
            with pytest.raises(TokenUsed):
                await checking.consume(identity)
        else:
            await checking.consume(identity)


@pytest.mark.parametrize("ahead_s", [-30, 0, 30])
async def test_a_used_token_is_remembered_while_any_gateway_would_take_it(
    ahead_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the clock of the gateway that it was shown to is ahead of another's."""
    now = time.time()
    shown = token(jti="1", exp=now + 40, nbf=now - 60)
    monkeypatch.setattr("voicegw.gateway.auth.authenticator.time.time", lambda: now + ahead_s)
    identity = authenticator().identify(shown, "")
    assert identity.token is not None
    assert identity.token[1] >= 40 + 5


async def test_it_can_be_asked_for_that_all_work_once_or_none_does() -> None:
    assert "jti" in error_of(token(), authenticator(single_use=SingleUse.ALWAYS)).message
    checking = authenticator(single_use=SingleUse.NEVER)
    for _ in range(2):
        await checking.consume(checking.identify(token(jti="1"), ""))


def test_a_session_is_renewed_by_the_same_user_only() -> None:
    checking = authenticator(session_ttl_s=10)
    identity = checking.identify(token(), "here")
    renewed = checking.renewed(identity, token(scope="reply:none"))
    assert (renewed.user, renewed.address) == ("alice", "here")
    assert renewed.expires_at >= identity.expires_at
    with pytest.raises(TokenInvalid, match="another user"):
        checking.renewed(identity, token(sub="bob"))


def test_scopes_narrow_the_kinds_they_name() -> None:
    scopes = Scopes.parse("rate:8000 rate:16000 reply:none openid")
    scopes.check("rate", "16000")
    scopes.check("format", "mulaw")
    for kind, value in (("rate", "48000"), ("reply", "text")):
        with pytest.raises(ScopeMissing, match=value):
            scopes.check(kind, value)


# --- in the handshake ---


def bearer(text: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {text}"}}


async def refused(stage: Stage, text: str | None = None, query: str = "", **options: Any) -> tuple[int, str]:
    """Status and code with which the upgrade is refused."""
    given = options if text is None else bearer(text)
    with pytest.raises(InvalidStatus) as answer:
        async with connect(f"{stage.url}?{query}", proxy=None, **given):
            pass
    body = answer.value.response.body
    assert body is not None
    assert text is None or text.encode() not in body
    return answer.value.response.status_code, json.loads(body)["error"]["code"]


async def test_a_good_token_opens_a_session() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, **bearer(token())):
        assert stage.value("sessions") == 1


async def test_a_page_shows_its_token_as_a_subprotocol_that_is_not_echoed() -> None:
    offered = [Subprotocol("voicegw.v1"), Subprotocol(f"bearer.{token()}")]
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, subprotocols=offered) as peer:
        assert peer.socket.subprotocol == "voicegw.v1"
        assert peer.socket.response is not None
        assert "bearer" not in str(peer.socket.response.headers)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (None, (401, "token_missing")),
        ("nonsense", (401, "token_invalid")),
        (token(key="another secret of thirty-two bytes"), (401, "token_invalid")),
        (unsigned({"alg": "none"}), (401, "token_invalid")),
        (token(headers={"kid": "stranger"}), (401, "token_invalid")),
        (token(aud="elsewhere"), (401, "token_invalid")),
        (token(nbf=time.time() + 1_200), (401, "token_invalid")),
        (token(exp=time.time() - 60), (401, "token_expired")),
    ],
)
async def test_the_wrong_token_opens_nothing(text: str | None, answer: tuple[int, str]) -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        assert await refused(stage, text) == answer
        assert not stage.value("sessions")
        assert stage.value("refused_total", code=answer[1]) == 1


async def test_a_token_for_one_use_opens_one_session() -> None:
    once = token(jti="1")
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, joined(stage.url, **bearer(once)):
        assert await refused(stage, once) == (401, "token_used")


async def test_a_full_server_does_not_use_up_the_token() -> None:
    once = token(jti="1")
    async with staged(gate=Gate(tokens=OPTIONS), max_sessions=1) as stage:
        async with joined(stage.url, **bearer(token())):
            assert await refused(stage, once) == (503, "at_capacity")
        await until(lambda: stage.value("sessions") == 0)
        async with joined(stage.url, **bearer(once)):
            pass


@pytest.mark.parametrize("query", ["rate=48000", "rate=8000&format=mulaw", "reply=text"])
async def test_a_session_beyond_the_tokens_scopes_is_refused(query: str) -> None:
    narrow = token(scope="rate:8000 rate:16000 format:pcm_s16le reply:none")
    async with staged(gate=Gate(tokens=OPTIONS)) as stage:
        assert await refused(stage, narrow, query) == (403, "scope_missing")
        async with joined(stage.url, "reply=none", **bearer(narrow)):
            pass


async def test_keys_are_changed_while_the_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old, new = (keys.generate(Algorithm.EDDSA, kid) for kid in ("old", "new"))
    path.write_text(json.dumps({"keys": [old, new]}))
    ring = keys.load(None, str(path))
    by_old, by_new = (issue_token(Claims("alice"), ring.signer(kid)) for kid in ("old", "new"))
    path.write_text(json.dumps({"keys": [old]}))
    async with staged(gate=Gate(tokens=TokenOptions(keys=str(path)))) as stage:
        assert await refused(stage, by_new) == (401, "token_invalid")
        path.write_text(json.dumps({"keys": [new]}))
        stage.gateway.reload()
        assert await refused(stage, by_old) == (401, "token_invalid")
        path.write_text("not a key file")
        stage.gateway.reload()
        async with joined(stage.url, **bearer(by_new)):
            pass
