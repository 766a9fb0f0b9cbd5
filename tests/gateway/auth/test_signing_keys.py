import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from voicegw.errors import ConfigurationError, TokenInvalid
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.signing_keys import Algorithm

SECRET = "a secret of thirty-two bytes or more"


def key_file(path: Path, *entries: dict[str, Any]) -> str:
    path.write_text(json.dumps({"keys": entries}))
    return str(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def refusal(secret: str | None, keys_file: str | None) -> str:
    with pytest.raises(ConfigurationError) as refused:
        keys.load(secret, keys_file)
    return refused.value.message


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_new_key_signs_what_it_checks(algorithm: Algorithm, path: Path) -> None:
    ring = keys.load(None, key_file(path, keys.generate(algorithm, "new")))
    signer = ring.signer()
    assert signer.signing is not None
    token = jwt.encode({"sub": "x"}, signer.signing.key, algorithm=algorithm)
    assert jwt.decode(token, ring.find("new")) == {"sub": "x"}


def test_the_secret_is_for_tokens_that_name_no_key(path: Path) -> None:
    ring = keys.load(SECRET, key_file(path, keys.generate(Algorithm.EDDSA, "a")))
    assert ring.find(None).key == SECRET.encode()
    assert ring.find("a").algorithm_name == Algorithm.EDDSA


def test_the_only_key_is_for_tokens_that_name_none(path: Path) -> None:
    file = key_file(path, keys.generate(Algorithm.HS256, "a"))
    assert keys.load(None, file).find(None).algorithm_name == Algorithm.HS256


def test_with_several_keys_a_token_has_to_name_one(path: Path) -> None:
    both = (keys.generate(Algorithm.HS256, name) for name in "ab")
    ring = keys.load(None, key_file(path, *both))
    for kid in (None, "c"):
        with pytest.raises(TokenInvalid):
            ring.find(kid)


def test_the_newest_key_signs_unless_another_is_named(path: Path) -> None:
    ring = keys.load(None, key_file(path, *(keys.generate(Algorithm.HS256, name) for name in "ab")))
    assert ring.signer().kid == "b"
    assert ring.signer("a").kid == "a"
    with pytest.raises(ConfigurationError, match=f"with the name c in {path}"):
        ring.signer("c")


@pytest.mark.parametrize("algorithm", [Algorithm.EDDSA, Algorithm.RS256])
def test_a_public_half_checks_and_does_not_sign(algorithm: Algorithm, path: Path) -> None:
    private = key_file(path, keys.generate(algorithm, "a"))
    public = key_file(path.with_suffix(".public"), *keys.public_keys(Path(private)))
    assert keys.load(None, public).find("a").key_id == "a"
    with pytest.raises(ConfigurationError, match=f"no signing key: {public} holds public keys only"):
        keys.load(None, public).signer()
    with pytest.raises(ConfigurationError, match=f"with the name a: {public} holds its public key only"):
        keys.load(None, public).signer("a")


def test_a_shared_secret_has_no_public_half(path: Path) -> None:
    file = key_file(path, keys.generate(Algorithm.HS256, "a"))
    with pytest.raises(ConfigurationError, match="shared secret"):
        keys.public_keys(Path(file))


@pytest.mark.parametrize("alg", ["none", "HS512", "RS256", "ES256"])
def test_a_key_has_the_algorithm_of_its_type(alg: str, path: Path) -> None:
    file = key_file(path, {**keys.generate(Algorithm.EDDSA, "a"), "alg": alg})
    assert "must be" in refusal(None, file)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "not JSON"),
        pytest.param(nested(100_000), "not JSON", id="nested"),
        pytest.param(f'{{"keys": [{{"kty": {nested(100_000)}}}]}}', "not JSON", id="nested in a key"),
        ("[]", "JSON Web Key Set"),
        ('{"keys": []}', "JSON Web Key Set"),
        ('{"keys": ["a"]}', "JSON Web Key Set"),
        ('{"keys": [{"kty": "EC"}]}', "key 1"),
        ('{"keys": [{"kty": "oct"}]}', "key 1"),
        ('{"keys": [{"kty": "oct", "k": "c2hvcnQ"}]}', "too short"),
        ('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}', "key 1"),
        ('{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": 7}]}', "kid"),
    ],
)
def test_a_file_that_is_no_use_is_named(content: str, named: str, path: Path) -> None:
    path.write_text(content)
    assert named in refusal(None, str(path))
    assert str(path) in refusal(None, str(path))


@pytest.mark.parametrize("value", [nested(500), "null", "7", "{}", "true"], ids=["nested", *"n7{t"])
@pytest.mark.parametrize("kind", ['"oct"', '"OKP"', '"RSA"', nested(500)], ids=["oct", "OKP", "RSA", "none"])
def test_a_member_of_another_type_is_refused(kind: str, value: str, path: Path) -> None:
    for member in ("k", "crv", "x", "n", "e", "d", "alg", "kid"):
        path.write_text(f'{{"keys": [{{"kty": {kind}, "{member}": {value}}}]}}')
        assert "key 1" in refusal(None, str(path))


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    assert str(path) in refusal(None, str(path))


def test_names_are_used_once(path: Path) -> None:
    both = [keys.generate(Algorithm.HS256, "a") for _ in range(2)]
    assert "two keys with the same name" in refusal(None, key_file(path, *both))


def test_a_weak_rsa_key_is_refused(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    private = generate_private_key(public_exponent=65_537, key_size=1024)
    entry = jwt.algorithms.RSAAlgorithm.to_jwk(private, as_dict=True)
    assert "2048 bits" in refusal(None, key_file(path, entry))


def test_no_error_tells_a_secret(path: Path) -> None:
    assert "hush" not in refusal("hush", None)
    secret = keys.generate(Algorithm.HS256, "a")["k"]
    for entry in ({"kty": "oct", "k": secret, "alg": "none"}, {"kty": "RSA", "n": secret, "d": secret}):
        assert secret not in refusal(None, key_file(path, entry))
