"""TLS with a certificate from files, and the check that a server on a network uses TLS and tokens.

A renewed certificate is loaded without a restart: open connections keep the old one, new handshakes use the
new one.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509

from voicegw.core.options import option
from voicegw.errors import ConfigurationError
from voicegw.gateway.auth.client_address import is_loopback
from voicegw.gateway.http.tls_upgrade import limit_buffers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """The certificate of the server; without both files it serves plain ws://."""

    cert: str | None = option(
        None, "PEM file with the certificate and its chain; the server then serves wss://"
    )
    key: str | None = option(None, "PEM file with the certificate's private key")

    @property
    def enabled(self) -> bool:
        return self.cert is not None or self.key is not None


class Certificate:
    """The certificate and key in two files. Raises ConfigurationError when they cannot be used.

    expires_at: the Unix time at which it expires.
    """

    def __init__(self, options: TlsOptions) -> None:
        if options.cert is None or options.key is None:
            raise ConfigurationError("TLS needs both --tls-cert and --tls-key")
        self.paths = (options.cert, options.key)
        self.context = _context()
        self.reload()
        limit_buffers()

    def reload(self) -> None:
        """Reads both files again. Raises ConfigurationError if they do not match; then changes nothing."""
        _load(_context(), *self.paths)  # in a new context first: a failure would leave this one half changed
        _load(self.context, *self.paths)
        self.expires_at = _expires_at(self.paths[0])


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, cert: str, key: str) -> None:
    try:
        context.load_cert_chain(cert, key, password=b"")  # never prompts on a terminal
    except ssl.SSLError as error:
        why = f" ({error.reason})" if error.reason else ""  # empty for a file without PEM data
        raise ConfigurationError(f"{cert}, {key}: no certificate and its key{why}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {cert} and {key}: {error.strerror}") from error


def _expires_at(cert: str) -> float:
    first, *_ = x509.load_pem_x509_certificates(Path(cert).read_bytes())
    return first.not_valid_after_utc.timestamp()


def check_exposure(host: str, *, encrypted: bool, behind_proxy: bool, tokens: bool) -> None:
    """Raises ConfigurationError for a server on a network without encryption or without tokens."""
    if not is_loopback(host) and not (encrypted or behind_proxy):
        raise ConfigurationError(
            f"will not listen on {host} without TLS: give --tls-cert and --tls-key, or --behind-proxy if a "
            "proxy in front terminates it"
        )
    if not tokens and (behind_proxy or not is_loopback(host)):
        raise ConfigurationError(
            "will not admit clients of other machines without a token: give --token-keys (see `voicegw "
            "token --help`) or VOICEGW_TOKENS__SECRET"
        )
