"""The keys that verify and sign tokens. Each key has one algorithm, which a token cannot choose.

A key file is a JSON Web Key Set (RFC 7517): shared secrets (`oct`), Ed25519 (`OKP`) or RSA keys, the latter
two as public keys where tokens are only verified. A token names its key by `kid`; a token without `kid` is
verified with the token secret, or with the only key. To rotate keys, add a key to the file, sign with it, and
remove the old key when the last token signed with it has expired.
"""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, assert_never

import jwt

from voicegw.errors import ConfigurationError, TokenInvalid

_MIN_SECRET_BYTES = 32
_MIN_RSA_BITS = 2048
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})


class Algorithm(StrEnum):
    """The supported signature algorithms."""

    HS256 = "HS256"
    EDDSA = "EdDSA"
    RS256 = "RS256"


_BY_TYPE = {"oct": Algorithm.HS256, "OKP": Algorithm.EDDSA, "RSA": Algorithm.RS256}


@dataclass(frozen=True, slots=True)
class Key:
    """One key. signing: None when only the public key is known."""

    kid: str | None
    algorithm: Algorithm
    checking: jwt.PyJWK
    signing: jwt.PyJWK | None


class Keyring:
    """The known keys by `kid`, oldest first. file: the key file, if any."""

    def __init__(self, keys: Iterable[Key], file: str | None = None) -> None:
        self._keys = {key.kid: key for key in keys}
        self._file = file

    def find(self, kid: str | None) -> jwt.PyJWK:
        """The key that verifies a token. Raises TokenInvalid when there is none with this name."""
        key = self._keys.get(kid)
        if key is None and kid is None and len(self._keys) == 1:
            [key] = self._keys.values()
        if key is None:
            raise TokenInvalid("signed with an unknown key")
        return key.checking

    def signer(self, kid: str | None = None) -> Key:
        """The signing key of this name, or the newest. Raises ConfigurationError when there is none."""
        named = [key for key in self._keys.values() if kid in (None, key.kid)]
        usable = [key for key in named if key.signing is not None]
        if usable:
            return usable[-1]
        missing = "there is no signing key" + (f" with the name {kid}" if kid else "")
        if named:  # a secret can sign, so these keys are from the file
            held = "its public key" if kid else "public keys"
            raise ConfigurationError(f"{missing}: {self._file} holds {held} only")
        raise ConfigurationError(missing + (f" in {self._file}" if self._file else ""))


def load(secret: str | None, keys_file: str | None) -> Keyring:
    """The configured keys. Raises ConfigurationError, whose message never contains a key."""
    keys = [] if keys_file is None else _read(Path(keys_file))
    if secret is not None:
        encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
        keys.append(_key({"kty": "oct", "k": encoded}, "the token secret"))
    kids = [key.kid for key in keys]
    if len(set(kids)) < len(kids):
        raise ConfigurationError(f"{keys_file} has two keys with the same name; each needs its own kid")
    return Keyring(keys, keys_file)


def _read(path: Path) -> list[Key]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot read the keys in {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # the latter for JSON nested too deeply
        raise ConfigurationError(f"{path} is not JSON") from error
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f'{path} is not a JSON Web Key Set: {{"keys": [...]}}')
    return [_key(entry, f"key {number} in {path}") for number, entry in enumerate(entries, start=1)]


def _key(entry: Mapping[str, Any], where: str) -> Key:
    kid, kind = entry.get("kid"), entry.get("kty")
    algorithm = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if algorithm is None or entry.get("alg", algorithm) != algorithm:
        raise ConfigurationError(f"{where} must be an oct (HS256), OKP (EdDSA) or RSA (RS256) key")
    if kid is not None and not isinstance(kid, str):
        raise ConfigurationError(f"{where} has a kid that is not text")
    try:
        checking = jwt.PyJWK(_public(entry), algorithm)
        signing = jwt.PyJWK(dict(entry), algorithm) if "d" in entry or algorithm is Algorithm.HS256 else None
    except (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise ConfigurationError(f"{where} cannot be used") from None  # the cause may quote the key
    _check_strength(checking, algorithm, where)
    return Key(kid, algorithm, checking, signing)


def _check_strength(key: jwt.PyJWK, algorithm: Algorithm, where: str) -> None:
    if algorithm is Algorithm.HS256 and len(key.key) < _MIN_SECRET_BYTES:
        raise ConfigurationError(f"{where} is too short: {_MIN_SECRET_BYTES} bytes or more, chosen at random")
    if algorithm is Algorithm.RS256 and key.key.key_size < _MIN_RSA_BITS:
        raise ConfigurationError(f"{where} is too short: {_MIN_RSA_BITS} bits or more")


def generate(algorithm: Algorithm, kid: str) -> dict[str, str]:
    """Generates a key, private part included, as an entry of a key file."""
    match algorithm:
        case Algorithm.HS256:
            secret = base64.urlsafe_b64encode(secrets.token_bytes(_MIN_SECRET_BYTES)).rstrip(b"=").decode()
            members = {"kty": "oct", "k": secret}
        case Algorithm.EDDSA:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            members = jwt.algorithms.OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
        case Algorithm.RS256:
            from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

            private = generate_private_key(public_exponent=65_537, key_size=_MIN_RSA_BITS)
            members = jwt.algorithms.RSAAlgorithm.to_jwk(private, as_dict=True)
            members.pop("key_ops", None)
        case _:
            assert_never(algorithm)
    return {**members, "kid": kid, "alg": algorithm.value}


def public_keys(path: Path) -> list[dict[str, Any]]:
    """The public keys of a key file, with which a gateway verifies tokens.

    Raises ConfigurationError, also for a shared secret, which has no public key.
    """
    if any(key.algorithm is Algorithm.HS256 for key in _read(path)):
        raise ConfigurationError(f"{path} has a shared secret, which has no public key")
    entries: list[dict[str, Any]] = json.loads(path.read_bytes())["keys"]
    return [_public(entry) for entry in entries]


def _public(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _PRIVATE_MEMBERS}
