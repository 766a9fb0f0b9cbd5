"""The clients that reach endpoints and tools, and the proxies that environment variables name for them."""

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from voicegw.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
KEEP_ALIVE_S = 50.0  # longer than people listen and think; most load balancers close after 60 s
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint. headers: to send with every request by `client`, whose library insists
    on a key. by_proxy: what error messages add, as `by_proxy` has it."""

    url: str
    headers: dict[str, Any]
    by_proxy: str
    client: "AsyncOpenAI"


def openai_endpoint(kind: str, url: str | None, api_key: str | None, connect_s: float) -> Endpoint:
    """The endpoint at `url`, OpenAI's by default, with a client that leaves retries and all limits of time
    but that of connecting to its user. kind: what error messages call the endpoint.

    Raises ConfigurationError for a URL, a proxy or a key that cannot be used.
    """
    import openai

    url = url or OPENAI_URL
    if not re.match(r"https?://\w", url):
        raise ConfigurationError(f"the {kind} endpoint {url} is not an http:// or https:// URL")
    _check_proxies()
    key = (api_key or "none").strip()
    if not re.fullmatch("[!-~]+", key):
        host = urlsplit(url).hostname
        raise ConfigurationError(f"the API key for {host} has characters that no HTTP header may have")
    # The library's own limits close a connection that was idle for 5 s, and so nearly every turn would begin
    # with a handshake.
    usual = openai.DEFAULT_CONNECTION_LIMITS
    limits = type(usual)(
        max_connections=usual.max_connections,
        max_keepalive_connections=usual.max_keepalive_connections,
        keepalive_expiry=KEEP_ALIVE_S,
    )
    client = openai.AsyncOpenAI(
        base_url=url,
        api_key=key,
        timeout=openai.Timeout(None, connect=connect_s),
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(limits=limits),
    )
    headers = {} if api_key else {"Authorization": openai.omit}
    return Endpoint(url, headers, by_proxy(url), client)


def http_client(connect_s: float) -> "httpx2.AsyncClient":
    """A client that limits the time of connecting only. Raises ConfigurationError for a proxy that cannot be
    used."""
    import httpx2

    _check_proxies()
    return httpx2.AsyncClient(timeout=httpx2.Timeout(None, connect=connect_s))


def proxy_variable(url: str) -> str | None:
    """The environment variable that names the proxy for requests to `url`, if there is one."""
    parts, variables = urlsplit(url), _variables()
    if proxy_bypass(parts.hostname or ""):
        return None
    return variables.get(f"{parts.scheme}_proxy") or variables.get("all_proxy")


def by_proxy(url: str) -> str:
    """What an error message adds when requests to `url` go to a proxy: people forget that they have one."""
    variable = proxy_variable(url)
    return f", by way of the proxy that {variable} names" if variable else ""


def _variables() -> dict[str, str]:
    """The proxy variables that are set, by their names in lower case: of two spellings, that one counts."""
    spellings = ((name, spelt) for name in _VARIABLES for spelt in (name.upper(), name))
    return {name: spelt for name, spelt in spellings if os.environ.get(spelt)}


def _check_proxies() -> None:
    """The HTTP library reads every proxy variable, whatever the URL, and its errors name none of them. Their
    values are not shown, since they may hold a password."""
    import httpx2

    for variable in _variables().values():
        address = os.environ[variable]
        try:
            proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
        except (ValueError, httpx2.InvalidURL):
            raise ConfigurationError(
                f"the environment variable {variable} does not name a proxy that can be used: "
                "it has to be an http://, https:// or socks5:// URL"
            ) from None
        if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
            raise ConfigurationError(
                f"the environment variable {variable} names a SOCKS proxy: "
                "install the package socksio for that (pip install socksio), or unset the variable"
            )
