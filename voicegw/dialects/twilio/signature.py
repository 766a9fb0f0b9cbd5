"""Verifies that a request to open a WebSocket is signed by Twilio with the auth token of the account.

The signature is the HMAC-SHA1, in base64, of the URL that is configured at Twilio. Twilio appends the
parameters of a POST request; an upgrade is a GET request and has none (Twilio's documentation, "Webhooks
security").
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from voicegw.core.options import option
from voicegw.dialects.port import Handshake
from voicegw.errors import ConfigurationError, SignatureInvalid

_HEADER = "X-Twilio-Signature"


@dataclass(frozen=True, slots=True)
class TwilioOptions:
    """Which telephone calls are accepted."""

    auth_token: str | None = option(
        None, "auth token of the only Twilio account that may connect; not for a command line", secret=True
    )
    public_url: str | None = option(
        None, "URL of this server at Twilio, to verify signatures: wss://voice.example.org, without /twilio"
    )

    def __post_init__(self) -> None:
        if self.public_url is not None and not re.fullmatch(r"wss://[^/?#\s]+(/[^?#\s]*)?", self.public_url):
            raise ConfigurationError(f"twilio.public_url: {self.public_url!r} must have the form wss://host")


def check_signature(options: TwilioOptions, handshake: Handshake) -> None:
    """Raises SignatureInvalid when a signature is required and is missing or for another URL."""
    if options.auth_token is None:
        return
    received = ", ".join(handshake.headers.get_all(_HEADER))  # several values are not a valid signature
    url = _url(options, handshake)
    expected = signature(options.auth_token, url)
    if not hmac.compare_digest(received.encode(), expected.encode()):
        raise SignatureInvalid("not signed by the Twilio account, or not for the URL of --twilio.public-url")


def signature(auth_token: str, url: str) -> str:
    """The signature that Twilio sends with a request for this URL."""
    digest = hmac.new(auth_token.encode(), url.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _url(options: TwilioOptions, handshake: Handshake) -> str:
    """The URL that is configured at Twilio, which connects by TLS only. Without the option `public_url`, it
    is derived from the host and path of the request."""
    host = ", ".join(handshake.headers.get_all("Host"))
    base = options.public_url or f"wss://{host}{handshake.prefix}"
    return f"{base.rstrip('/')}{handshake.path}" + (f"?{handshake.query}" if handshake.query else "")
