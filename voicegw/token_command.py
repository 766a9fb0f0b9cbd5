"""`voicegw token`: makes tokens that let clients in, and the keys that sign them."""

import argparse
import datetime
import json
import os
import stat
from pathlib import Path

from voicegw.config import Settings
from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.errors import ConfigurationError
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import MAX_USER_CHARACTERS, SingleUse, TokenOptions, check_session
from voicegw.gateway.auth.signing_keys import Algorithm
from voicegw.gateway.auth.token_issuer import Claims, mint

_HELP = """Make tokens that let clients in, and the keys that sign them.

With one secret, shared by the gateway and the application that hands out tokens:

  export VOICEGW_TOKENS__SECRET=$(openssl rand -hex 32)
  voicegw serve                                  # now asks for a token
  voicegw token --user alice                     # prints one that is good for a minute

With a key pair, so that gateways can check tokens and not make them:

  voicegw token --new-key EdDSA > signing.json   # stays with the application
  voicegw token --public signing.json > keys.json
  voicegw serve --token-keys keys.json
  voicegw token --user alice --token-keys signing.json

To change keys, add the new one to keys.json (a running gateway takes it up by itself, or on SIGHUP), sign
with it, and take the old one out when its last token has expired.

Scopes narrow a token: --scope rate:8000 --scope format:mulaw --scope reply:none. A kind that is not named
(rate, format, reply) is free.

A token may say what its session is like, which the client then cannot change:
  --session '{"instructions": "You take orders for pizza.", "tools": ["menu"], "voice": "en-gb",
              "language": "en"}'

The key comes from --token-keys FILE or VOICEGW_TOKENS__SECRET, the audience from --tokens.audience. These and
all other options of `voicegw serve` may stand in its TOML file, too: --config FILE."""

_STDOUT = 1
_SCOPES = {"rate": tuple(map(str, INPUT_RATES)), "format": tuple(AudioFormat), "reply": tuple(ReplyMode)}


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares the command and its flags."""
    token = commands.add_parser(
        "token",
        help="make tokens that let clients in, and the keys that sign them",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = token.add_mutually_exclusive_group(required=True)
    what.add_argument("--user", help="print a token for this user (`sub`); limits are counted by it")
    what.add_argument(
        "--new-key",
        choices=list(Algorithm),
        help="print a key file with a new key to sign with; a file that this is printed to is made private",
    )
    what.add_argument("--public", metavar="FILE", help="print the half of a key file that gateways need")
    token.add_argument("--valid-s", type=int, default=60, help="seconds to connect in (default: %(default)s)")
    token.add_argument("--scope", action="append", default=[], help="what it allows; none for everything")
    token.add_argument(
        "--session", type=json.loads, default={}, metavar="JSON", help="what the session is like; see above"
    )
    token.add_argument("--once", action="store_true", help="it opens one session only (`jti`)")
    token.add_argument("--kid", help="name of the key to sign with, or of the new key")


def run(chosen: argparse.Namespace, settings: Settings) -> str:
    """What the command prints. Raises ConfigurationError."""
    if chosen.new_key is not None:
        _keep_private()
        kid = chosen.kid or datetime.date.today().isoformat()
        return json.dumps({"keys": [keys.generate(Algorithm(chosen.new_key), kid)]}, indent=2)
    if chosen.public is not None:
        return json.dumps({"keys": keys.public_halves(Path(chosen.public))}, indent=2)
    if not settings.tokens.enabled:
        raise ConfigurationError("nothing to sign with: give --token-keys FILE or VOICEGW_TOKENS__SECRET")
    scopes = tuple(" ".join(chosen.scope).split())
    session = chosen.session
    grant = Claims(chosen.user, settings.tokens.audience, chosen.valid_s, scopes, chosen.once, session)
    _check(grant, settings.tokens)
    return mint(grant, keys.load(settings.tokens.secret, settings.tokens.keys).signer(chosen.kid))


def _keep_private() -> None:
    """Makes the file that is printed to, if it is one, its owner's alone: the shell has made it as others may
    read it. Raises ConfigurationError where that cannot be done."""
    try:
        if stat.S_ISREG(os.fstat(_STDOUT).st_mode):
            os.fchmod(_STDOUT, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise ConfigurationError(
            f"cannot keep others from reading the file with the new key: {error.strerror}"
        ) from error


def _check(grant: Claims, tokens: TokenOptions) -> None:
    """Raises ConfigurationError for a token that a gateway with these options would refuse, or that allows
    more than was meant: a scope of a kind that no gateway knows narrows nothing."""
    if not 1 <= len(grant.user) <= MAX_USER_CHARACTERS:
        raise ConfigurationError(f"--user takes a name of 1 to {MAX_USER_CHARACTERS} characters")
    if not 1 <= grant.valid_s <= tokens.max_ttl_s:
        raise ConfigurationError(f"--valid-s takes 1 to {tokens.max_ttl_s} s (tokens.max_ttl_s)")
    if tokens.single_use is SingleUse.ALWAYS and not grant.once:
        raise ConfigurationError("tokens.single_use is `always`: only tokens made with --once are taken")
    check_session(grant.session)
    for scope in grant.scopes:
        kind, _, value = scope.partition(":")
        if kind not in _SCOPES:
            raise ConfigurationError(f"--scope {scope}: the kinds are {', '.join(_SCOPES)}")
        if value not in _SCOPES[kind]:
            raise ConfigurationError(f"--scope {scope}: {kind} is one of {', '.join(_SCOPES[kind])}")
