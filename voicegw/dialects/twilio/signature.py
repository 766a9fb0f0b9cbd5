"""Whether a request to open a WebSocket is signed by Twilio, with the auth token of one's account.

The signature is the HMAC-SHA1, in base64, of the URL that Twilio was given. Twilio appends the parameters of
a POST request; an upgrade is a GET request and has none (Twilio's documentation, "Webhooks security").
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from voicegw.core.options import option
from voicegw.dialects.port import Handshake
from voicegw.errors import ConfigurationError, SignatureInvalid

_HEADER = "X-Twilio-Signature"


@dataclass(frozen=True, slots=True)
class TwilioOptions:
    """Whose telephone calls are taken."""

    auth_token: str | None = field(
        default=None,
        repr=False,
        metadata={
            "description": "auth token of a Twilio account, which alone may connect then; "
            "not for a command line"
        },
    )
    public_url: str | None = option(
        None, "what Twilio calls this server, for its signature: wss://voice.example.org, without /twilio"
    )

    def __post_init__(self) -> None:
        if self.public_url is not None and not re.fullmatch(r"wss://[^/?#\s]+(/[^?#\s]*)?", self.public_url):
            raise ConfigurationError(f"twilio.public_url: {self.public_url!r} is not written like wss://host")


def check_signature(options: TwilioOptions, handshake: Handshake) -> None:
    """Raises SignatureInvalid for a request that has to be signed and is not, or for another URL."""
    if options.auth_token is None:
        return
    told = ", ".join(handshake.headers.get_all(_HEADER))  # more than one is no signature
    url = _url(options, handshake)
    expected = signature(options.auth_token, url)
    if not hmac.compare_digest(told.encode(), expected.encode()):
        raise SignatureInvalid("not signed by the Twilio account, or not for the URL of --twilio.public-url")


def signature(auth_token: str, url: str) -> str:
    """What Twilio sends with a request for this URL."""
    digest = hmac.new(auth_token.encode(), url.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _url(options: TwilioOptions, handshake: Handshake) -> str:
    """The URL that Twilio was given: it connects by TLS only. Without an option, the host it names and the
    path as it came here."""
    host = ", ".join(handshake.headers.get_all("Host"))
    base = options.public_url or f"wss://{host}{handshake.prefix}"
    return f"{base.rstrip('/')}{handshake.path}" + (f"?{handshake.query}" if handshake.query else "")
