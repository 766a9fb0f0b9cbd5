"""`voicegw token`: makes access tokens for clients, and the keys that sign them."""

import argparse
import datetime
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from voicegw.config import Settings
from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.dialects.bridge.media_format import RATES as BRIDGE_RATES
from voicegw.errors import ConfigurationError
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import (
    ISSUE,
    MAX_USER_CHARACTERS,
    SingleUse,
    TokenOptions,
    check_session,
)
from voicegw.gateway.auth.signing_keys import Algorithm
from voicegw.gateway.auth.token_issuer import Claims, issue_token

_HELP = """Make access tokens for clients, and the keys that sign them.

With one secret, shared by the gateway and the application that issues tokens:

  export VOICEGW_TOKENS__SECRET=$(openssl rand -hex 32)
  voicegw serve                                  # now requires a token
  voicegw token --user alice                     # prints one that is valid for a minute

With a key pair, so that gateways can verify tokens but not issue them:

  voicegw token --new-key EdDSA > signing.json   # for the application only
  voicegw token --public signing.json > keys.json
  voicegw serve --token-keys keys.json
  voicegw token --user alice --token-keys signing.json

To rotate keys, add the new one to keys.json (a running gateway reloads it by itself, and on SIGHUP), sign
with it, and remove the old one when its last token has expired.

Scopes restrict a token: --scope rate:8000 --scope format:mulaw --scope reply:none. A kind without a scope
(rate, format, reply) is unrestricted. Only a token with --scope issue:tokens may have client secrets issued
(POST /v1/realtime/client_secrets).

A token may set properties of its session, which the client then cannot change:
  --session '{"instructions": "You take orders for pizza.", "tools": ["menu"], "voice": "en-gb",
              "language": "en"}'

The key comes from --token-keys FILE or VOICEGW_TOKENS__SECRET, the audience from --tokens.audience. These and
all other options of `voicegw serve` may also be in its TOML file: --config FILE."""

_STDOUT = 1
_SCOPES = {
    "rate": tuple(map(str, sorted({*INPUT_RATES, *BRIDGE_RATES}))),
    "format": tuple(AudioFormat),
    "reply": tuple(ReplyMode),
    ISSUE[0]: ISSUE[1:],
}


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    parents: Sequence[argparse.ArgumentParser] = (),
) -> None:
    """Declares the command and its flags. parents: parsers whose options it has, too."""
    token = commands.add_parser(
        "token",
        help="make access tokens for clients, and the keys that sign them",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        parents=parents,
        add_help=not parents,
    )
    what = token.add_mutually_exclusive_group(required=True)
    what.add_argument("--user", help="print a token for this user (`sub`); limits are counted for each user")
    what.add_argument(
        "--new-key",
        choices=list(Algorithm),
        help="print a key file with a new signing key; if standard output is a file, it is made private",
    )
    what.add_argument("--public", metavar="FILE", help="print the public keys of a key file, for gateways")
    token.add_argument("--valid-s", type=int, default=60, help="validity in seconds (default: %(default)s)")
    token.add_argument("--scope", action="append", default=[], help="restriction, as rate:8000; repeatable")
    token.add_argument(
        "--session", type=json.loads, default={}, metavar="JSON", help="properties of the session; see above"
    )
    token.add_argument("--once", action="store_true", help="make the token single-use (`jti`)")
    token.add_argument("--kid", help="name of the signing key, or of the new key")


def run(chosen: argparse.Namespace, settings: Settings) -> str:
    """Runs the command; returns its output. Raises ConfigurationError."""
    if chosen.new_key is not None:
        _make_private()
        kid = chosen.kid or datetime.date.today().isoformat()
        return json.dumps({"keys": [keys.generate(Algorithm(chosen.new_key), kid)]}, indent=2)
    if chosen.public is not None:
        return json.dumps({"keys": keys.public_keys(Path(chosen.public))}, indent=2)
    if not settings.tokens.enabled:
        raise ConfigurationError("no signing key: give --token-keys FILE or VOICEGW_TOKENS__SECRET")
    scopes = tuple(" ".join(chosen.scope).split())
    session = chosen.session
    claims = Claims(chosen.user, settings.tokens.audience, chosen.valid_s, scopes, chosen.once, session)
    _check(claims, settings.tokens)
    return issue_token(claims, keys.load(settings.tokens.secret, settings.tokens.keys).signer(chosen.kid))


def _make_private() -> None:
    """If standard output is a file, makes it accessible to its owner only: the shell may have created it
    readable for others. Raises ConfigurationError when that fails."""
    try:
        if stat.S_ISREG(os.fstat(_STDOUT).st_mode):
            os.fchmod(_STDOUT, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise ConfigurationError(
            f"cannot make the file with the new key private: {error.strerror}"
        ) from error


def _check(claims: Claims, tokens: TokenOptions) -> None:
    """Raises ConfigurationError for claims that a gateway with these options would refuse, and for a scope of
    an unknown kind, which would restrict nothing."""
    if not 1 <= len(claims.user) <= MAX_USER_CHARACTERS:
        raise ConfigurationError(f"--user takes a name of 1 to {MAX_USER_CHARACTERS} characters")
    if not 1 <= claims.valid_s <= tokens.max_ttl_s:
        raise ConfigurationError(f"--valid-s takes 1 to {tokens.max_ttl_s} s (tokens.max_ttl_s)")
    if tokens.single_use is SingleUse.ALWAYS and not claims.once:
        raise ConfigurationError("tokens.single_use is `always`: only tokens made with --once are accepted")
    check_session(claims.session)
    for scope in claims.scopes:
        kind, _, value = scope.partition(":")
        if kind not in _SCOPES:
            raise ConfigurationError(f"--scope {scope}: the kinds are {', '.join(_SCOPES)}")
        if value not in _SCOPES[kind]:
            raise ConfigurationError(f"--scope {scope}: {kind} is one of {', '.join(_SCOPES[kind])}")
